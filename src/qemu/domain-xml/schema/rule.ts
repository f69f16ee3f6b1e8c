/**
 * The language of this folder, which describes what a domain XML may contain. The rules are data, and `check.ts` applies them to the tree. An element
 * without a rule is refused, so every element is either read by `model/` or listed here with its reason.
 */
export interface ElementRule {
  readonly attributes?: Readonly<Record<string, ValueRule>>
  readonly children?: Readonly<Record<string, ElementRule>>
  /** The rule for the element's own text; without it the element has none. */
  readonly text?: ValueRule
  /** Accepted with all its contents and ignored: the reason why that is safe. */
  readonly withoutEffect?: string
  /** Valid in libvirt and refused here: the reason. */
  readonly refused?: string
  /** The hint for a refused element. */
  readonly hint?: string
  /** The part to skip with this element when the XML is only looked at: itself, or the whole device that it belongs to. */
  readonly carries?: 'itself' | 'device'
  /** The host's side of this device, which can be closed: the guest keeps the device, and QEMU connects it to nothing. */
  readonly hostSide?: HostSide
  /** It describes only the host's side: without it the guest sees the same machine. */
  readonly hostOnly?: true
}

/** The attribute of a device with its connection on the host, the value for no connection, and the elements that describe the connection. */
export interface HostSide {
  readonly attribute: string
  readonly closed: string
  readonly parts: readonly string[]
  /** The value with which the device is one of the host itself, so that nothing of it can be closed. */
  readonly isHost?: string
  /** Without it the guest would miss something: it is left out only when the XML is looked at, so that the guest's half is seen. */
  readonly onlyToLook?: true
}

export type ValueRule =
  | { readonly kind: 'text' | 'whole' | 'signed' | 'yes-no' | 'on-off' | 'uuid' | 'mac' | 'set' }
  | {
      readonly kind: 'without-effect'
      readonly reason: string
      /** The rule for a value that is ignored all the same. */
      readonly syntax?: ValueRule
    }
  | {
      readonly kind: 'choice'
      readonly of: readonly string[]
      /** The part to leave out when the value is not in the list. */
      readonly leavesOut: 'attribute' | 'element' | 'device'
      /** Hints for some refused values. */
      readonly hints?: Readonly<Record<string, string>>
    }

export const anyText: ValueRule = { kind: 'text' }
export const whole: ValueRule = { kind: 'whole' }
export const signed: ValueRule = { kind: 'signed' }
export const yesNo: ValueRule = { kind: 'yes-no' }
export const onOff: ValueRule = { kind: 'on-off' }
export const uuid: ValueRule = { kind: 'uuid' }
export const mac: ValueRule = { kind: 'mac' }
export const numberSet: ValueRule = { kind: 'set' }

/** One of the values; for any other only the attribute is left out. */
export function choice(...of: readonly string[]): ValueRule {
  return { kind: 'choice', of, leavesOut: 'attribute' }
}

/** One of the values; any other makes the element meaningless. */
export function kindOfElement(...of: readonly string[]): ValueRule {
  return { kind: 'choice', of, leavesOut: 'element' }
}

/** One of the values; any other makes the element's device meaningless. */
export function kindOfDevice(...of: readonly string[]): ValueRule {
  return { kind: 'choice', of, leavesOut: 'device' }
}

/** An attribute that is accepted and ignored, because … */
export function valueWithoutEffect(reason: string, syntax?: ValueRule): ValueRule {
  return { kind: 'without-effect', reason, ...(syntax !== undefined && { syntax }) }
}

/** An element that is accepted with all its contents and ignored, because … */
export function withoutEffect(reason: string): ElementRule {
  return { withoutEffect: reason }
}

/** An element that libvirt supports and this program refuses, because … */
export function refused(reason: string, hint?: string): ElementRule {
  return { refused: reason, ...(hint !== undefined && { hint }) }
}

/** An element with attributes only. */
export function attributes(rules: Readonly<Record<string, ValueRule>>): ElementRule {
  return { attributes: rules }
}

/** An element with text only. */
export function holding(text: ValueRule): ElementRule {
  return { text }
}
