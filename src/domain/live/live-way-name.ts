/**
 * How the memory of one moment is taken from a guest that continues:
 * - `write-protect`: QEMU protects all memory in a short stop, and sends each page before the guest changes it (`background-snapshot`).
 * - `mapped`: for a guest that was restored by map: the pages that it has changed are copied in a short stop.
 * - `precopy`: QEMU sends memory while the guest runs, then what has changed meanwhile, and stops the guest for the rest.
 */
export type LiveWayName = 'write-protect' | 'mapped' | 'precopy'

/** Every way, in the order in which they are tried. */
export const LIVE_WAY_NAMES: readonly LiveWayName[] = ['write-protect', 'mapped', 'precopy']
