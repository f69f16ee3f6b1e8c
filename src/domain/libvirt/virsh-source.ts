import { join } from 'node:path'
import { isReachable } from '../../io/files/file-names.ts'
import { askVirsh } from '../../qemu/programs/virsh.ts'
import { notDefined, uuidIn } from './files-source.ts'
import type { LibvirtPlaces } from './places.ts'
import { runsThere } from './running-there.ts'
import type { LibvirtSource } from './source.ts'

/** The definitions as `virsh` shows them: for a user who may ask libvirt but not read its files. */
export function virshSource(
  uri: string,
  places: LibvirtPlaces,
  options: { readonly signal?: AbortSignal | undefined } = {},
): LibvirtSource {
  const ask = (...args: readonly string[]): Promise<string> => askVirsh(uri, args, options)
  const names = async (): Promise<readonly string[]> =>
    (await ask('list', '--all', '--persistent', '--name'))
      .split('\n')
      .filter((line) => line !== '')
      .toSorted()
  return {
    names,
    async read(name) {
      if (!(await names()).includes(name)) throw notDefined(name, uri)
      const info = await ask('dominfo', '--domain', name)
      // Without its password a display would be open to everybody.
      const xml = await ask('dumpxml', '--inactive', '--security-info', '--domain', name)
      return {
        name,
        xml,
        path: undefined,
        autostart: /^Autostart: +enable$/m.test(info),
        managedSave: /^Managed save: +yes$/m.test(info) ? await savedAt(places, name) : undefined,
      }
    },
    async runs({ name, xml }) {
      const state = (await ask('domstate', '--domain', name)).trim()
      return state === 'shut off' || state === 'crashed'
        ? runsThere({ name, uuid: uuidIn(xml) }, places)
        : `virsh says that it is ${state}`
    },
  }
}

async function savedAt(
  places: LibvirtPlaces,
  name: string,
): Promise<{ readonly path: string | undefined }> {
  const image = join(places.saves, `${name}.save`)
  return { path: (await isReachable(image).catch(() => false)) ? image : undefined }
}
