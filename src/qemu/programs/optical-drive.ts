import { readFile, stat } from 'node:fs/promises'
import type { Domain } from '../domain-xml/model/domain.ts'

/** The SCSI device type of a CD-ROM drive (Linux include/scsi/scsi_proto.h, `TYPE_ROM`). */
const TYPE_ROM = '5'

/**
 * The drives of this host that the domain has as CD-ROMs, by their paths. QEMU must open them as such, or an eject does not reach the drive. A CD-ROM
 * may also be any other block device.
 */
export async function opticalDrivesOf({ disks }: Domain): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  for (const { device, source } of disks) {
    if (device !== 'cdrom' || source?.type !== 'block' || source.format !== 'raw') continue
    if (await isOpticalDrive(source.path)) found.add(source.path)
  }
  return found
}

async function isOpticalDrive(path: string): Promise<boolean> {
  const file = await stat(path).catch(() => undefined)
  if (file?.isBlockDevice() !== true) return false
  // glibc's gnu_dev_major and gnu_dev_minor, for numbers of up to 32 bits.
  const major = (file.rdev >>> 8) & 0xfff
  const minor = (file.rdev & 0xff) | ((file.rdev >>> 12) & 0xfff00)
  const type = await readFile(`/sys/dev/block/${major}:${minor}/device/type`, 'latin1').catch(
    () => '',
  )
  return type.trim() === TYPE_ROM
}
