import type { Span, Style } from './styled-line.ts'

/** Characters of a picture. They also differ from each other without colours. */
export interface Glyphs {
  readonly full: string
  readonly empty: string
  /** Cells of a memory map, by the character in `MemoryShown.cells`. */
  readonly cells: Readonly<Record<string, string>>
  readonly pointer: string
}

const UNICODE: Glyphs = {
  full: '█',
  empty: '░',
  cells: { z: '·', c: '▓', r: '█', '.': '░' },
  pointer: '▶',
}

const ASCII: Glyphs = {
  full: '#',
  empty: '-',
  cells: { z: '.', c: 'c', r: 'R', '.': '-' },
  pointer: '>',
}

const CELL_STYLES: Readonly<Record<string, Style>> = {
  z: 'dim',
  c: 'green',
  r: 'yellow',
  '.': 'blue',
}

/** The characters that a terminal with this environment can show (POSIX, Environment Variables: LC_ALL, LC_CTYPE, LANG). */
export function glyphsFor(env: Readonly<Record<string, string | undefined>>): Glyphs {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || ''
  // Without a locale nothing is known about the terminal. Nearly all terminals show Unicode.
  return locale === '' || /utf-?8/i.test(locale) ? UNICODE : ASCII
}

/** A bar that is full to `share`, 0 to 1. */
export function barSpans(
  share: number,
  width: number,
  glyphs: Glyphs,
  style?: Style,
): readonly Span[] {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width)
  return [
    { text: glyphs.full.repeat(full), style },
    { text: glyphs.empty.repeat(width - full), style: 'dim' },
  ]
}

/** Cells of a memory map as spans, equal neighbours together. */
export function cellSpans(cells: string, glyphs: Glyphs): readonly Span[] {
  const runs = cells.match(/(.)\1*/g) ?? []
  return runs.map((run) => ({
    text: (glyphs.cells[run[0] ?? ''] ?? '?').repeat(run.length),
    style: CELL_STYLES[run[0] ?? ''],
  }))
}
