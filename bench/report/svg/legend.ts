import { bar, limitLine, text } from './document.ts'
import { colour } from './palette.ts'

const LINE = 18

/** The names of colours and of limits, in two columns below a picture. */
export interface Legend {
  readonly parts: readonly string[]
  readonly height: number
}

/** Draws a legend below `top`. */
export function legend(
  { colours, limits }: { readonly colours: readonly string[]; readonly limits: readonly string[] },
  top: number,
  width: number,
): Legend {
  const entries = [
    ...colours.map((name, index) => ({
      name,
      mark: (x: number, y: number) => bar(colour(index), x, y - 10, 14, 10),
    })),
    ...limits.map((name, index) => ({
      name,
      mark: (x: number, y: number) => limitLine(index, x, y - 5, x + 14, y - 5),
    })),
  ]
  const rows = Math.ceil(entries.length / 2)
  const parts = entries.flatMap(({ name, mark }, index) => {
    const x = index < rows ? 16 : width / 2
    const y = top + ((index % rows) + 1) * LINE
    return [mark(x, y), text(name, x + 22, y)]
  })
  return { parts, height: rows * LINE + 14 }
}
