import { libraryCalls } from './koffi.ts'

const call = libraryCalls({ adjtimex: 'int adjtimex(_Inout_ uint8_t *timex)' })

/** Linux include/uapi/linux/timex.h */
const TIME_ERROR = 5
const TIMEX_LENGTH = 208

/** Whether the kernel's clock is kept right by some service (adjtimex(2)); `undefined` when that is unknown. */
export function isClockSynchronised(): boolean | undefined {
  // No mode: it only reads.
  const state = call('adjtimex', Buffer.alloc(TIMEX_LENGTH)) as number
  return state < 0 ? undefined : state !== TIME_ERROR
}
