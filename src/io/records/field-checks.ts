/** Whether a field of a record is a text. */
export function isText(value: unknown): value is string {
  return typeof value === 'string'
}

/** Whether it is a text or absent. */
export function isOptionalText(value: unknown): boolean {
  return value === undefined || isText(value)
}

/** Whether it is true, false or absent. */
export function isOptionalFlag(value: unknown): boolean {
  return value === undefined || typeof value === 'boolean'
}

/** Whether it is a number or absent. */
export function isOptionalNumber(value: unknown): boolean {
  return value === undefined || typeof value === 'number'
}

/** Whether it is a list of which every member passes the check. */
export function areAll(value: unknown, check: (one: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(check)
}
