import { STYLE } from './palette.ts'

/** A whole picture: its parts on a ground of their own, so that it can be read on any page. */
export function svgDocument(
  {
    width,
    height,
    title,
  }: { readonly width: number; readonly height: number; readonly title: string },
  parts: readonly string[],
): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" font-family="system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif" font-size="12">`,
    `<title>${escapeText(title)}</title>`,
    `<style>${STYLE}</style>`,
    `<rect class="ground" width="${width}" height="${height}" rx="6"/>`,
    text(title, 16, 24, { size: 15, weight: 'bold' }),
    ...parts,
    '</svg>',
    '',
  ].join('\n')
}

/** Text with its left end, middle or right end at a place. */
export function text(
  words: string,
  x: number,
  y: number,
  options: {
    readonly anchor?: 'start' | 'middle' | 'end'
    readonly muted?: boolean
    readonly size?: number
    readonly weight?: 'bold'
  } = {},
): string {
  const { anchor = 'start', muted = false, size, weight } = options
  const attributes = [
    `class="${muted ? 'muted' : 'ink'}"`,
    `x="${tenth(x)}" y="${tenth(y)}"`,
    anchor === 'start' ? '' : `text-anchor="${anchor}"`,
    size === undefined ? '' : `font-size="${size}"`,
    weight === undefined ? '' : `font-weight="${weight}"`,
  ]
  return `<text ${attributes.filter(Boolean).join(' ')}>${escapeText(words)}</text>`
}

/** A straight line of a class. */
export function line(kind: string, x1: number, y1: number, x2: number, y2: number): string {
  return `<line class="${kind}" x1="${tenth(x1)}" y1="${tenth(y1)}" x2="${tenth(x2)}" y2="${tenth(y2)}"/>`
}

/** A straight line for the n-th limit of a picture. */
export function limitLine(index: number, x1: number, y1: number, x2: number, y2: number): string {
  return `<line ${limitAttribute(index)} x1="${tenth(x1)}" y1="${tenth(y1)}" x2="${tenth(x2)}" y2="${tenth(y2)}"/>`
}

/** What makes a line the n-th limit of a picture. */
export function limitAttribute(index: number): string {
  const dashes = ['6 4', '2 3', '10 3 2 3']
  return `class="limit" stroke-dasharray="${dashes[index % dashes.length]}"`
}

/** A filled rectangle. */
export function bar(fill: string, x: number, y: number, width: number, height: number): string {
  return `<rect fill="${fill}" x="${tenth(x)}" y="${tenth(y)}" width="${tenth(width)}" height="${tenth(height)}" rx="2"/>`
}

/** A coordinate as it is written. */
export function tenth(value: number): string {
  return String(Math.round(value * 10) / 10)
}

function escapeText(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
