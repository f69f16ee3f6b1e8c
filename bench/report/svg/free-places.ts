/** A name, and the place of its point or of its left end. */
interface Place {
  readonly name: string
  readonly x: number
  readonly y: number
}

const LETTER = 7
const HEIGHT = 13
/** Below and above the point, nearer places first. */
const SHIFTS = [4, -8, 17, -22, 31, -36, 45, -50, 59, -64] as const

/** Where the names of points can be written so that they do not cover each other. */
export function freePlaces(points: readonly Place[]): readonly Place[] {
  const taken: Place[] = []
  for (const { name, x, y } of points.toSorted((a, b) => a.x - b.x)) {
    const at = (shift: number): Place => ({ name, x: x + 9, y: y + shift })
    const place = SHIFTS.map(at).find((one) => !taken.some((other) => overlap(one, other)))
    taken.push(place ?? at(SHIFTS[0]))
  }
  return taken
}

function overlap(a: Place, b: Place): boolean {
  const width = (place: Place): number => place.name.length * LETTER
  return Math.abs(a.y - b.y) < HEIGHT && a.x < b.x + width(b) && b.x < a.x + width(a)
}
