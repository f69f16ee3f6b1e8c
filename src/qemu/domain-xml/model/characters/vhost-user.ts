import type { Element } from '@xmldom/xmldom'
import { attribute, child, flag, requiredAttribute, whole } from '../../access.ts'

/** The socket to another process that is the other half of a virtio device. */
export interface VhostUserSocket {
  readonly path: string
  /** Whether QEMU waits there for the process, and does not look for it. */
  readonly listens: boolean
  /** How often QEMU looks for it again when it is gone; 0: never. */
  readonly reconnectSeconds: number | undefined
}

/** Reads the `<source type='unix'>` of a device. */
export function readVhostUser(source: Element): VhostUserSocket {
  return {
    path: requiredAttribute(source, 'path'),
    listens: attribute(source, 'mode') === 'server',
    reconnectSeconds: readReconnect(child(source, 'reconnect')),
  }
}

/** `<reconnect enabled='yes' timeout='10'/>`, in seconds; 0: never. */
export function readReconnect(element: Element | undefined): number | undefined {
  if (element === undefined) return undefined
  return flag(element, 'enabled') === true ? (whole(element, 'timeout') ?? 1) : 0
}
