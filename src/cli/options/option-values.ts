import { InvalidArgumentError } from 'commander'

/** A parser for an option whose value is a whole number in a range. */
export function integerBetween(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= least && value <= most) return value
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`)
  }
}

/** A parser for a compression level: a whole number (of either sign) or the word `adaptive`. The compression has its own limits. */
export function compressionLevel(text: string): number | 'adaptive' {
  if (text === 'adaptive') return text
  if (/^-?\d{1,3}$/.test(text)) return Number(text)
  throw new InvalidArgumentError("It must be a whole number, or 'adaptive'.")
}

const UNITS = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 } as const

/** A parser for bytes per second: a whole number, then optionally K, M or G for KiB, MiB or GiB. */
export function byteRate(text: string): number {
  const [, digits = '', unit = ''] = /^([1-9]\d*)([KMG]?)$/i.exec(text) ?? []
  const value = Number(digits) * UNITS[unit.toUpperCase() as keyof typeof UNITS]
  if (value >= 1024 && value <= 1024 ** 4) return value
  throw new InvalidArgumentError(
    'It must be bytes per second, at least 1K: a whole number, then optionally K, M or G.',
  )
}
