// Shows the photo that was taken before it is sent. Without a script the form works the same.
for (const form of document.querySelectorAll("form[enctype]")) {
  const input = form.querySelector("input[type=file]");
  const preview = form.querySelector(".preview");
  input.addEventListener("change", () => {
    const file = input.files[0];
    preview.hidden = !file;
    if (!file) return;
    const reader = new FileReader();
    // A data: address would need a wider policy; the picture is drawn instead.
    reader.onload = async () => {
      const bitmap = await createImageBitmap(new Blob([reader.result]));
      const canvas = document.createElement("canvas");
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
      canvas.className = "preview";
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", preview.alt);
      canvas.getContext("2d").drawImage(bitmap, 0, 0);
      form.querySelector("canvas.preview")?.remove();
      preview.after(canvas);
      preview.hidden = true;
    };
    reader.readAsArrayBuffer(file);
  });
}
