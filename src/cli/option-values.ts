import { InvalidArgumentError } from 'commander'

/** A parser for an option that takes a whole number in a range. */
export function integerBetween(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= least && value <= most) return value
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`)
  }
}

/** A parser for a compression level: a whole number (of either sign) or the word `adaptive`. */
export function compressionLevel(text: string): number | 'adaptive' {
  if (text === 'adaptive') return text
  const value = Number(text)
  if (/^-?\d+$/.test(text) && value >= -7 && value <= 19) return value
  throw new InvalidArgumentError("It must be a whole number from -7 to 19, or 'adaptive'.")
}
