import { readdir } from 'node:fs/promises'
import type { Domain } from '../domain-xml/model/domain.ts'

/**
 * The devices through which programs command the SCSI units of this host that a domain has: `0:0:1:0` is `/dev/sg2`. A unit that is not there is left
 * out.
 */
export async function scsiDevicesOf({ hostDevices }: Domain): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  for (const { source } of hostDevices) {
    if (source.type !== 'scsi') continue
    const folder = `/sys/bus/scsi/devices/${source.at}/scsi_generic`
    const [name] = await readdir(folder).catch(() => [])
    if (name !== undefined) found.set(source.at, `/dev/${name}`)
  }
  return found
}
