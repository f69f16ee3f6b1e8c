/** A value that QEMU takes in JSON; what is `undefined` is left out. */
export type JsonValue =
  | string
  | number
  | boolean
  | bigint
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue | undefined }

export type Properties = Readonly<Record<string, JsonValue | undefined>>

/** `-device` with JSON properties (QEMU >= 6.2). */
export function device(properties: Properties): readonly string[] {
  return ['-device', json(properties)]
}

/** `-object` with JSON properties (QEMU >= 6.0). */
export function object(properties: Properties): readonly string[] {
  return ['-object', json(properties)]
}

/** `-blockdev` with JSON properties. */
export function blockdev(properties: Properties): readonly string[] {
  return ['-blockdev', json(properties)]
}

/** `-netdev` with JSON properties (QEMU >= 6.2 for all of them). */
export function netdev(properties: Properties): readonly string[] {
  return ['-netdev', json(properties)]
}

/** 64-bit numbers are written out in full; TypeScript's library does not know `JSON.rawJSON` (ES2026) yet. */
function json(properties: Properties): string {
  const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown }
  return JSON.stringify(properties, (_key, value: unknown) =>
    typeof value === 'bigint' ? rawJSON(value.toString()) : value,
  )
}

/** The text as a value in QEMU's `name=value,…` syntax, where a comma is doubled. */
export function escapeComma(text: string): string {
  return text.replaceAll(',', ',,')
}

/** A switch as QEMU writes it in `name=value` syntax; nothing when it is not set. */
export function onOff(value: boolean | undefined): 'on' | 'off' | undefined {
  return value === undefined ? undefined : value ? 'on' : 'off'
}

/** `a=b,c=d` of what is defined. */
export function keyValues(pairs: Readonly<Record<string, string | number | undefined>>): string {
  return Object.entries(pairs)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${escapeComma(String(value))}`)
    .join(',')
}
