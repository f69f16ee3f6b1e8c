import { writeText } from '../../io/records/text-file.ts'
import type { Directories } from '../store/directories.ts'
import { QmpConnection } from '../../qmp/connection.ts'
import { readTree } from '../store/checkpoints/checkpoint-tree.ts'
import { readDefinition, writeDefinition } from '../store/definitions.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'
import { withoutOverlay } from './disk-xml.ts'
import { readLiveXml } from './domain-xml.ts'

/** The image id of a short stop that is not a save: the guest in its QEMU stays the guest, whatever happens. */
export const NO_IMAGE = 'none'

/**
 * After a merge of disks that was killed in its short stop: lets the definition, and the XML that the guest runs from, name the file that QEMU has switched to. The guest has not run
 * since, so nothing is lost. Callers hold the lock.
 * @throws QemuError, StorageError
 */
export async function nameDisksInUse(paths: RuntimePaths, directories: Directories): Promise<void> {
  const { name } = paths
  const { overlays } = await readTree(directories, name)
  if (overlays.length === 0) return
  await using control = await QmpConnection.connect(paths.controlSocket, {})
  const drives = (await control.executeAny('query-block', {})) as readonly {
    readonly inserted?: { readonly image?: { readonly filename?: string } }
  }[]
  const used = drives.map(({ inserted }) => inserted?.image?.filename)
  for (const { path, backing, backingFormat: format } of overlays) {
    if (used.includes(path) || !used.includes(backing)) continue
    const change = (xml: string): string => withoutOverlay(xml, path, { path: backing, format })
    const definition = await readDefinition(directories, name)
    if (definition !== undefined && change(definition) !== definition)
      await writeDefinition(directories, name, change(definition))
    const live = await readLiveXml(paths)
    if (change(live) !== live) await writeText(paths.liveXml, change(live), { durable: true })
  }
}
