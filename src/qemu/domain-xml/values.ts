const BINARY = ['', 'K', 'M', 'G', 'T', 'P', 'E']

/**
 * How many bytes a unit of size has, by libvirt's names: `b bytes KB k KiB MB M MiB …`.
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

/** A whole number, decimal or with 0x; `undefined` for anything else and for what a `number` cannot hold exactly. */
export function parseWhole(text: string): number | undefined {
  if (!/^(\d+|0x[0-9a-f]+)$/i.test(text)) return undefined
  const number = Number(text)
  return Number.isSafeInteger(number) ? number : undefined
}

/** A UUID as libvirt reads it (32 hex digits, hyphens anywhere), written with its hyphens; `undefined` if it is none. */
export function parseUuid(text: string): string | undefined {
  const digits = text.trim().replaceAll('-', '').toLowerCase()
  if (!/^[0-9a-f]{32}$/.test(digits)) return undefined
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** A unicast MAC address in lower case; `undefined` if it is none. */
export function parseMac(text: string): string | undefined {
  if (!/^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i.test(text)) return undefined
  const bytes = text.split(':').map((byte) => Number.parseInt(byte, 16))
  if (((bytes[0] ?? 0) & 1) === 1) return undefined
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':')
}

/** A list of numbers like `0-3,^2,8`; `undefined` if it is none or names a number above 4095. */
export function parseNumberSet(text: string): readonly number[] | undefined {
  const chosen = new Set<number>()
  for (const part of text.split(',')) {
    const match = /^\s*(\^?)(\d{1,4})(?:-(\d{1,4}))?\s*$/.exec(part)
    if (match === null) return undefined
    const from = Number(match[2])
    const to = match[3] === undefined ? from : Number(match[3])
    if (to < from || to > 4095) return undefined
    for (let number = from; number <= to; number++) {
      if (match[1] === '^') chosen.delete(number)
      else chosen.add(number)
    }
  }
  return [...chosen].toSorted((a, b) => a - b)
}
