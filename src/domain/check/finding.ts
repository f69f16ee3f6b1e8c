/**
 * How bad a finding is: with an `error` the image cannot be restored here, or its guest would be harmed; with a `warning` it can,
 * but something is not as it was; `ok` says what was checked and found right.
 */
export type Severity = 'error' | 'warning' | 'ok'

/** What was looked at. */
export type FindingCode =
  | 'ARCHITECTURE'
  | 'DOMAIN_XML'
  | 'DOMAIN_STATE'
  | 'EMULATOR'
  | 'MACHINE_TYPE'
  | 'ACCELERATOR'
  | 'CPU'
  | 'MEMORY'
  | 'FILES'
  | 'NETWORK'
  | 'RAM_BLOCKS'
  | 'DEVICES'
  | 'MACHINE'

/** One thing that a check of an image found. */
export interface Finding {
  readonly severity: Severity
  readonly code: FindingCode
  /** What was found, in a sentence. */
  readonly text: string
  /** What a person can do. */
  readonly hint?: string | undefined
}

/** A finding that forbids a restore. */
export function fault(code: FindingCode, text: string, hint?: string): Finding {
  return { severity: 'error', code, text, ...(hint !== undefined && { hint }) }
}

/** A finding that does not. */
export function warning(code: FindingCode, text: string, hint?: string): Finding {
  return { severity: 'warning', code, text, ...(hint !== undefined && { hint }) }
}

/** What was found right. */
export function right(code: FindingCode, text: string): Finding {
  return { severity: 'ok', code, text }
}
