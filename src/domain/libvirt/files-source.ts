import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DomainError, type StasisError } from '../../errors.ts'
import { storageError } from '../../io/storage-error.ts'
import { isAbsence, isReachable, isThere } from '../../io/files/file-names.ts'
import { decodeXml } from '../../qemu/domain-xml/encoding.ts'
import { textOfRootChild } from '../../qemu/domain-xml/tags.ts'
import type { LibvirtPlaces } from './places.ts'
import { runsThere } from './running-there.ts'
import type { LibvirtSource } from './source.ts'

/** The definitions in libvirt's own files. It need not run. */
export function filesSource(places: LibvirtPlaces): LibvirtSource {
  const { definitions } = places
  return {
    async names() {
      const files = await readdir(definitions, { withFileTypes: true }).catch((error: unknown) => {
        throw unreadable(definitions, error)
      })
      return files
        .filter((file) => !file.isDirectory() && file.name.endsWith('.xml'))
        .map(({ name }) => name.slice(0, -'.xml'.length))
        .toSorted()
    },
    async read(name) {
      const path = join(definitions, `${name}.xml`)
      const bytes = await readFile(path).catch((error: unknown) => {
        if (isAbsence(error) && !name.includes('/')) throw notDefined(name, definitions)
        throw unreadable(path, error)
      })
      const image = join(places.saves, `${name}.save`)
      return {
        name,
        xml: decodeXml(bytes, path),
        path,
        autostart: await isThere(join(places.autostart, `${name}.xml`)),
        managedSave: (await isReachable(image)) ? { path: image } : undefined,
      }
    },
    runs: async ({ name, xml }) => runsThere({ name, uuid: uuidIn(xml) }, places),
  }
}

/** The UUID in a domain XML, in lower case; empty when there is none. */
export function uuidIn(xml: string): string {
  return textOfRootChild(xml, 'uuid')?.trim().toLowerCase() ?? ''
}

/** The error for a domain that libvirt does not define. */
export function notDefined(name: string, place: string): DomainError {
  return new DomainError('DOMAIN_NOT_FOUND', `libvirt defines no domain '${name}' in ${place}`, {
    hint: '`stasis import --all --dry-run` shows what libvirt defines',
  })
}

function unreadable(path: string, error: unknown): StasisError {
  const fault = storageError('read the definitions of libvirt', path, error)
  if (fault.code === 'NO_PERMISSION')
    return fault.with({ hint: 'Run this as root, or ask libvirt itself: --via-virsh' })
  if (fault.code !== 'FILE_NOT_FOUND') return fault
  return fault.with({ hint: 'Choose a libvirt: --from-libvirt qemu:///system or qemu:///session' })
}
