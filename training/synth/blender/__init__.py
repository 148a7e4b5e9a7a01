"""All that needs Blender (`bpy`, `mathutils`); nothing outside this folder imports them."""
