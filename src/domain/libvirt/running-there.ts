import { join } from 'node:path'
import { readText } from '../../io/records/text-file.ts'
import { findQemus } from '../../qemu/foreign/find-named.ts'
import { commandLineOf } from '../../qemu/process/process-file.ts'
import { identifyProcess } from '../../qemu/process/process-identity.ts'
import type { LibvirtPlaces } from './places.ts'

/**
 * The evidence that libvirt, or another program, runs a domain now; `undefined` when none does. It is a QEMU with the UUID of the domain, or
 * libvirt's own record of a process that lives: only the record can be seen when the processes of other users are hidden.
 * @throws StorageError
 */
export async function runsThere(
  { name, uuid }: { readonly name: string; readonly uuid: string },
  places: LibvirtPlaces,
): Promise<string | undefined> {
  for (const qemu of await findQemus()) {
    if (qemu.uuid === uuid && uuid !== '') return `its QEMU is process ${qemu.pid}`
  }
  const record = join(places.running, `${name}.xml`)
  const status = await readText(record).catch(() => undefined)
  const pid = Number(/<domstatus\b[^>]*\bpid='(\d+)'/.exec(status ?? '')?.[1])
  if (!Number.isSafeInteger(pid) || pid <= 0 || places.root !== '/') return undefined
  // A process whose command line can be read was looked at above: it is another one with that pid.
  const hidden = (await commandLineOf(pid)).length === 0
  return hidden && (await identifyProcess(pid)) !== undefined
    ? `${record} names process ${pid}, which lives`
    : undefined
}
