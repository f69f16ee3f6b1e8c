import type { Element } from '@xmldom/xmldom'
import { child, children, whole } from '../../access.ts'

/** Which threads serve the queues of a device, and which of them; no queues: in turn. Empty: one thread, or none, serves all. */
export type IothreadMap = readonly { readonly id: number; readonly queues: readonly number[] }[]

/** Reads the `<iothreads>` of a `<driver>`. */
export function readIothreadMap(driver: Element | undefined): IothreadMap {
  const element = child(driver, 'iothreads')
  if (element === undefined) return []
  return children(element, 'iothread').map((thread) => ({
    id: whole(thread, 'id') ?? 0,
    queues: children(thread, 'queue').map((queue) => whole(queue, 'id') ?? 0),
  }))
}
