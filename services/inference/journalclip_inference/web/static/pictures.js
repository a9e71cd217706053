// Pictures to search by, and how each is found again from the address: kept in this browser by an id, cut from a figure,
// or fetched by this browser from where it lies. The server fetches nothing.
const KEPT = 20;

export class NoPicture extends Error {}

const store = () => new Promise((done, failed) => {
  const request = indexedDB.open("journalclip", 1);
  request.onupgradeneeded = () => request.result.createObjectStore("pictures", { keyPath: "id" });
  request.onsuccess = () => done(request.result);
  request.onerror = () => failed(request.error);
});
const answered = (request) => new Promise((done, failed) => { request.onsuccess = () => done(request.result); request.onerror = () => failed(request.error); });

// Keep a picture in this browser, for Back and for links that this browser follows; its id.
export async function keep(blob) {
  const id = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const pictures = (await store()).transaction("pictures", "readwrite").objectStore("pictures");
  await answered(pictures.put({ id, blob, name: blob.name || "picture", at: Date.now() }));
  const all = await answered(pictures.getAll());
  for (const old of all.sort((a, b) => b.at - a.at).slice(KEPT)) pictures.delete(old.id);
  return id;
}

// The picture that an address asks for, as { blob, name }; null where it asks for none.
export async function asked(params) {
  if (params.get("image")) return kept(params.get("image"));
  if (params.get("region")) return region(params.get("region"));
  if (params.get("picture")) return fetched(params.get("picture"));
  return null;
}

async function kept(id) {
  const found = await answered((await store()).transaction("pictures").objectStore("pictures").get(id)).catch(() => null);
  if (!found) throw new NoPicture("The picture of this link was kept in another browser, or is too old. Choose it again.");
  return found;
}

// "figure,left,top,right,bottom" in shares of the figure.
async function region(text) {
  const [figure, ...sides] = text.split(",");
  const [left, top, right, bottom] = sides.map(Number);
  if (!/^[A-Za-z0-9_]+$/.test(figure) || !(0 <= left && left < right && right <= 1 && 0 <= top && top < bottom && bottom <= 1)) throw new NoPicture("This link names no region of a figure.");
  const answer = await fetch(`/v1/figures/${figure}/image`);
  if (!answer.ok) throw new NoPicture((await answer.json().catch(() => ({}))).reason || "The figure cannot be shown.");
  const whole = await createImageBitmap(await answer.blob());
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round((right - left) * whole.width));
  canvas.height = Math.max(1, Math.round((bottom - top) * whole.height));
  canvas.getContext("2d").drawImage(whole, -Math.round(left * whole.width), -Math.round(top * whole.height));
  return { blob: await new Promise((done) => { canvas.toBlob(done, "image/png"); }), name: "a region of a figure", figure };
}

async function fetched(address) {
  const from = isPicture(address) && new URL(address).host;
  if (!from) throw new NoPicture("That is no address of a picture; it must begin with https.");
  const answer = await fetch(address, { credentials: "omit", referrerPolicy: "no-referrer" }).catch(() => null);
  if (!answer?.ok) throw new NoPicture(`${from} does not give its picture to other pages. Save it, and drop the file here.`);
  const blob = await answer.blob();
  if (!blob.type.startsWith("image/")) throw new NoPicture(`What lies at ${from} is no picture.`);
  return { blob, name: from };
}

export const isPicture = (text) => /^https:\/\/\S+\.(png|jpe?g|webp|gif|tiff?|bmp)(\?\S*)?$/i.test(text);

export async function base64(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let binary = "";
  for (let at = 0; at < bytes.length; at += 32768) binary += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(binary);
}
