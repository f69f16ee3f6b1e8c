/** Statistics under libvirt's names: `block.0.rd.reqs`. */
export type Fields = Readonly<Record<string, number | string>>

/** Leaves out unknown fields. */
export function knownFields(fields: Readonly<Record<string, number | string | undefined>>): Fields {
  const known = Object.entries(fields).filter(
    (entry): entry is [string, number | string] => entry[1] !== undefined,
  )
  return Object.fromEntries(known)
}

/** The fields with a prefix before each name. */
export function prefixed(prefix: string, fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [`${prefix}.${name}`, value]),
  )
}
