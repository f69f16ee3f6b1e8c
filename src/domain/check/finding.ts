/**
 * How bad a finding is. `error`: the image cannot be restored here, or the guest would be harmed. `warning`: it can be restored,
 * but something differs. `ok`: something was checked and is right.
 */
export type Severity = 'error' | 'warning' | 'ok'

/** The subject of a check. */
export type FindingCode =
  | 'ARCHITECTURE'
  | 'TRUST'
  | 'DOMAIN_XML'
  | 'DOMAIN_STATE'
  | 'EMULATOR'
  | 'MACHINE_TYPE'
  | 'ACCELERATOR'
  | 'CPU'
  | 'MEMORY'
  | 'FILES'
  | 'DISKS'
  | 'PORTS'
  | 'NETWORK'
  | 'RAM_BLOCKS'
  | 'DEVICES'
  | 'MACHINE'

/** One result of the check of an image. */
export interface Finding {
  readonly severity: Severity
  readonly code: FindingCode
  /** The result, in a sentence. */
  readonly text: string
  /** A remedy that a person can apply. */
  readonly hint?: string | undefined
}

/** A finding that forbids a restore. */
export function fault(code: FindingCode, text: string, hint?: string): Finding {
  return { severity: 'error', code, text, ...(hint !== undefined && { hint }) }
}

/** A finding that does not forbid a restore. */
export function warning(code: FindingCode, text: string, hint?: string): Finding {
  return { severity: 'warning', code, text, ...(hint !== undefined && { hint }) }
}

/** A finding that something is right. */
export function right(code: FindingCode, text: string): Finding {
  return { severity: 'ok', code, text }
}
