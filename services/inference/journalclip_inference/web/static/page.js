// How large a drawn page is in PDF points: the server draws every page at 110 dpi.
const SCALE = 72 / 110;

export function pointsWide(image) {
  return { w: image.naturalWidth * SCALE, h: image.naturalHeight * SCALE };
}
