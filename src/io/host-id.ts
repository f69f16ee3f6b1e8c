import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'

/** The places of the host's own id (machine-id(5)). */
const MACHINE_IDS = ['/etc/machine-id', '/var/lib/dbus/machine-id']

/** An id that can be the name of a file. */
const PLAIN = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/

let own: string | undefined

/**
 * Identifies this host: `STASIS_HOST_ID`, or a digest of its machine id, which itself must not be shown to others (machine-id(5)), or of its name
 * where it has none. It can be the name of a file.
 */
export function hostId(): string {
  const given = process.env['STASIS_HOST_ID']
  if (given !== undefined && given !== '')
    return PLAIN.test(given) ? given : digestOf(`given ${given}`)
  own ??= idOfMachine()
  return own
}

/** A short form of `hostId` for the names of temporary files. */
export function hostTag(): string {
  return createHash('sha256').update(hostId()).digest('hex').slice(0, 8)
}

/** Whether hosts can tell this one from others: it has a machine id, or was given an id. */
export function hasOwnId(): boolean {
  return (process.env['STASIS_HOST_ID'] ?? '') !== '' || machineId() !== undefined
}

function idOfMachine(): string {
  const id = machineId()
  return id === undefined ? digestOf(`name ${hostname()}`) : digestOf(`machine ${id}`)
}

function machineId(): string | undefined {
  for (const path of MACHINE_IDS) {
    const id = textOf(path).trim()
    if (/^[0-9a-f]{32}$/.test(id)) return id
  }
  return undefined
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

function digestOf(text: string): string {
  return createHash('sha256').update(`stasis ${text}`).digest('hex').slice(0, 32)
}
