// What the tests do inside the browser's pages.
const texts = new Set();
const { prototype } = CanvasRenderingContext2D;
const { fillText } = prototype;
prototype.fillText = function (...argv) {
  texts.add(argv[0]);
  fillText.apply(this, argv);
};

/** The share of an image's pixels that are not grey. */
async function coloured(base64) {
  const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${base64}`)).blob());
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  let count = 0;
  for (let i = 0; i < data.length; i += 4) {
    const pixel = data.slice(i, i + 3);
    if (Math.max(...pixel) - Math.min(...pixel) > 12) count += 1;
  }
  return (count * 4) / data.length;
}

const image = (url) =>
  new Promise((resolve) => {
    const element = Object.assign(new Image(), { src: url, onload: () => resolve('got'), onerror: () => resolve('nothing') });
    document.body.append(element);
  });

const fetched = (url) =>
  fetch(url, { credentials: 'include' }).then(
    () => 'got',
    () => 'nothing',
  );

globalThis.kprofTest = { drawn: () => [...texts], coloured, image, fetched };
