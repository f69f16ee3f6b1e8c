/**
 * The language in which this folder says what a domain XML may contain. The rules are data: `check.ts` walks them over
 * the tree. What no rule names is refused, so an element is either read by `model/` or listed here with its reason.
 */
export interface ElementRule {
  readonly attributes?: Readonly<Record<string, ValueRule>>
  readonly children?: Readonly<Record<string, ElementRule>>
  /** What the element's own text must be; without it the element holds none. */
  readonly text?: ValueRule
  /** Accepted with all that is in it, though nothing is done with it: the reason why nothing need be. */
  readonly withoutEffect?: string
  /** Known to libvirt and refused here: the reason. */
  readonly refused?: string
  /** What goes when this element must go: itself, or the whole device that it belongs to. */
  readonly carries?: 'itself' | 'device'
}

export type ValueRule =
  | { readonly kind: 'text' | 'whole' | 'signed' | 'yes-no' | 'on-off' | 'uuid' | 'mac' | 'set' }
  | { readonly kind: 'without-effect'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string }
  | {
      readonly kind: 'choice'
      readonly of: readonly string[]
      /** What is left out with a value that is not among them. */
      readonly leavesOut: 'attribute' | 'element' | 'device'
    }

export const anyText: ValueRule = { kind: 'text' }
export const whole: ValueRule = { kind: 'whole' }
export const signed: ValueRule = { kind: 'signed' }
export const yesNo: ValueRule = { kind: 'yes-no' }
export const onOff: ValueRule = { kind: 'on-off' }
export const uuid: ValueRule = { kind: 'uuid' }
export const mac: ValueRule = { kind: 'mac' }
export const numberSet: ValueRule = { kind: 'set' }

/** One of the values; with another one only the attribute is at fault. */
export function choice(...of: readonly string[]): ValueRule {
  return { kind: 'choice', of, leavesOut: 'attribute' }
}

/** One of the values; another one makes the element senseless. */
export function kindOfElement(...of: readonly string[]): ValueRule {
  return { kind: 'choice', of, leavesOut: 'element' }
}

/** One of the values; another one makes the device that it belongs to senseless. */
export function kindOfDevice(...of: readonly string[]): ValueRule {
  return { kind: 'choice', of, leavesOut: 'device' }
}

/** An attribute that is accepted though nothing is done with it, because … */
export function valueWithoutEffect(reason: string): ValueRule {
  return { kind: 'without-effect', reason }
}

/** An attribute that makes its device one that this program must not make, because … */
export function refusedValue(reason: string): ValueRule {
  return { kind: 'refused', reason }
}

/** An element that is accepted with all that is in it though nothing is done with it, because … */
export function withoutEffect(reason: string): ElementRule {
  return { withoutEffect: reason }
}

/** An element that libvirt knows and this program refuses, because … */
export function refused(reason: string): ElementRule {
  return { refused: reason }
}

/** An element with attributes only. */
export function attributes(rules: Readonly<Record<string, ValueRule>>): ElementRule {
  return { attributes: rules }
}

/** An element with text only. */
export function holding(text: ValueRule): ElementRule {
  return { text }
}
