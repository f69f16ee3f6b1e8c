import type { Element } from '@xmldom/xmldom'
import { attribute, child, children, flag, requiredAttribute, whole } from '../../access.ts'

/** The start of the guest's clock, and its timers. */
export interface Clock {
  readonly offset: 'utc' | 'localtime' | 'variable' | 'absolute' | 'timezone'
  /** Seconds from `basis`, for offset `variable`. */
  readonly adjustmentSeconds: number
  readonly basis: 'utc' | 'localtime'
  /** Seconds since 1970, for offset `absolute`. */
  readonly startSeconds: number | undefined
  readonly timezone: string | undefined
  readonly timers: readonly Timer[]
}

export interface Timer {
  readonly name: 'rtc' | 'pit' | 'hpet' | 'tsc' | 'kvmclock' | 'hypervclock' | 'armvtimer'
  readonly present: boolean | undefined
  readonly track: 'guest' | 'wall' | 'realtime' | undefined
  readonly tickPolicy: 'delay' | 'catchup' | 'discard' | 'merge' | undefined
  readonly frequencyHz: number | undefined
}

/** Reads `<clock>`. */
export function readClock(element: Element | undefined): Clock {
  const adjustment = attribute(element, 'adjustment')
  return {
    offset: (attribute(element, 'offset') ?? 'utc') as Clock['offset'],
    adjustmentSeconds: adjustment === undefined ? 0 : Number(adjustment),
    basis: attribute(element, 'basis') === 'localtime' ? 'localtime' : 'utc',
    startSeconds: whole(element, 'start'),
    timezone: attribute(element, 'timezone'),
    timers: (element === undefined ? [] : children(element, 'timer')).map(readTimer),
  }
}

function readTimer(element: Element): Timer {
  return {
    name: requiredAttribute(element, 'name') as Timer['name'],
    present: flag(element, 'present'),
    track: attribute(element, 'track') as Timer['track'],
    tickPolicy: attribute(element, 'tickpolicy') as Timer['tickPolicy'],
    frequencyHz: whole(element, 'frequency'),
  }
}

/** Whether and how the guest may sleep. */
export interface PowerManagement {
  readonly suspendToMem: boolean | undefined
  readonly suspendToDisk: boolean | undefined
}

/** Reads `<pm>`. */
export function readPowerManagement(element: Element | undefined): PowerManagement {
  return {
    suspendToMem: flag(child(element, 'suspend-to-mem'), 'enabled'),
    suspendToDisk: flag(child(element, 'suspend-to-disk'), 'enabled'),
  }
}
