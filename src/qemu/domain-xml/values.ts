const BINARY = ['', 'K', 'M', 'G', 'T', 'P', 'E']

/**
 * The number of bytes in a unit of size, by libvirt's names: `b bytes KB k KiB MB M MiB …`.
 *
 * Source: https://libvirt.org/formatdomain.html#memory-allocation (libvirt 11.3)
 */
export function unitFactor(unit: string): number | undefined {
  if (/^(b|bytes?)$/i.test(unit)) return 1
  const match = /^([kmgtpe])(b|ib)?$/i.exec(unit)
  if (match === null) return undefined
  const power = BINARY.indexOf((match[1] ?? '').toUpperCase())
  return match[2]?.toLowerCase() === 'b' ? 1000 ** power : 1024 ** power
}

/** Parses a whole number, decimal or with 0x; `undefined` for anything else and for a number that a `number` cannot hold exactly. */
export function parseWhole(text: string): number | undefined {
  if (!/^(\d+|0x[0-9a-f]+)$/i.test(text)) return undefined
  const number = Number(text)
  return Number.isSafeInteger(number) ? number : undefined
}

/** Parses a UUID as libvirt does (32 hex digits, hyphens anywhere) and returns it with its hyphens; `undefined` if it is not valid. */
export function parseUuid(text: string): string | undefined {
  const digits = text.trim().replaceAll('-', '').toLowerCase()
  if (!/^[0-9a-f]{32}$/.test(digits)) return undefined
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** Parses a unicast MAC address and returns it in lower case; `undefined` if it is not valid. */
export function parseMac(text: string): string | undefined {
  if (!/^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i.test(text)) return undefined
  const bytes = text.split(':').map((byte) => Number.parseInt(byte, 16))
  if (((bytes[0] ?? 0) & 1) === 1) return undefined
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':')
}

/** Parses a list of numbers like `0-3,^2,8`; `undefined` if it is not valid or contains a number above 16383, the largest of libvirt (`VIR_DOMAIN_CPUMASK_LEN`). */
export function parseNumberSet(text: string): readonly number[] | undefined {
  const chosen = new Set<number>()
  for (const part of text.split(',')) {
    const match = /^\s*(\^?)(\d{1,5})(?:-(\d{1,5}))?\s*$/.exec(part)
    if (match === null) return undefined
    const from = Number(match[2])
    const to = match[3] === undefined ? from : Number(match[3])
    if (to < from || to > 16383) return undefined
    for (let number = from; number <= to; number++) {
      if (match[1] === '^') chosen.delete(number)
      else chosen.add(number)
    }
  }
  return [...chosen].toSorted((a, b) => a - b)
}

/** `[0, 1, 2, 5]` as `0-2` and `5`. */
export function numberRanges(numbers: readonly number[]): readonly string[] {
  const found: { from: number; to: number }[] = []
  for (const number of numbers) {
    const last = found.at(-1)
    if (last !== undefined && last.to === number - 1) last.to = number
    else found.push({ from: number, to: number })
  }
  return found.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`))
}
