/** A value that QEMU accepts in JSON; `undefined` members are omitted. */
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

/** Writes 64-bit numbers in full; TypeScript's library does not declare `JSON.rawJSON` (ES2026). */
function json(properties: Properties): string {
  const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown }
  return JSON.stringify(properties, (_key, value: unknown) =>
    typeof value === 'bigint' ? rawJSON(value.toString()) : value,
  )
}

/** Escapes text for a value in QEMU's `name=value,…` syntax, where a comma is doubled. */
export function escapeComma(text: string): string {
  return text.replaceAll(',', ',,')
}

/** A switch in QEMU's `name=value` syntax; `undefined` when it is not set. */
export function onOff(value: boolean | undefined): 'on' | 'off' | undefined {
  return value === undefined ? undefined : value ? 'on' : 'off'
}

/** `a=b,c=d` of the pairs that are defined. */
export function keyValues(pairs: Readonly<Record<string, string | number | undefined>>): string {
  return Object.entries(pairs)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${escapeComma(String(value))}`)
    .join(',')
}
