import { isThere } from '../../../io/files/file-names.ts'
import { writeText } from '../../../io/records/text-file.ts'
import { commitOverlay } from '../../../qemu/programs/overlay-files.ts'
import type { QmpConnection } from '../../../qmp/connection.ts'
import { withoutOverlay } from '../../catalogue/disk-xml.ts'
import { readLiveXml } from '../../catalogue/domain-xml.ts'
import type { HeldDomain } from '../../catalogue/held-domain.ts'
import { openControl } from '../../machine/monitor.ts'
import type { DiskOverlay } from '../../store/checkpoints/disk-overlay.ts'
import { readDefinition, writeDefinition } from '../../store/definitions.ts'
import { hasManagedImage } from '../../store/saves/managed-image.ts'
import { commitRunning, endKilledMerge } from './commit-layer.ts'
import { blockNodes, closeNode, formatNode, isOf } from './disk-nodes.ts'
import { emulatorOf } from './emulator-of.ts'

/** What an overlay holds. */
interface Overlaid {
  /** It is the disk of a checkpoint, or others are built on it: no guest writes to it. */
  readonly frozen: boolean
}

/**
 * Merges an overlay into its backing file, and lets the domain name that file. The overlay stays, for the caller to remove. Returns false, and changes nothing, when a save image of the
 * domain needs the overlay. It may be repeated after a crash at any point.
 * @throws StorageError, QemuError: the domain uses the overlay as before
 */
export async function mergeOverlay(
  held: HeldDomain,
  overlay: DiskOverlay,
  { frozen }: Overlaid,
): Promise<boolean> {
  const { record, paths } = held
  const { path, backing, backingFormat: format } = overlay
  const onSwitch = (): Promise<void> => renameInXml(held, path, { path: backing, format })
  if (record !== undefined) {
    await using control = await openControl(paths)
    await endKilledMerge(control)
    const chains = await diskChains(control)
    const chain = chains.find((files) => files.some((file) => isOf(file, path)))
    if (chain !== undefined) {
      const active = chain[0] ?? path
      const disk = { held, control, record, active, leftover: `${path}.left`, onSwitch }
      await commitRunning(overlay, disk)
      await closeFile(control, path)
      return true
    }
    // An earlier attempt has merged it, or the guest has never written to it.
    if (chains.some((files) => files.some((file) => isOf(file, backing)))) {
      await closeFile(control, path)
      await onSwitch()
      return true
    }
  }
  if (!(await isThere(path))) {
    await onSwitch()
    return true
  }
  const isNamed = await isInXml(held, overlay)
  if (!frozen && isNamed && record === undefined)
    if ((await hasManagedImage(paths)) || held.whereSaved !== undefined) return false
  // Otherwise an earlier attempt has merged it, and the guest may have written to the backing file since.
  if (frozen || isNamed) await commitOverlay(path, await emulatorOf(held))
  await onSwitch()
  return true
}

/** The files of each disk of a machine, the one that the guest writes to first. @throws QemuError */
async function diskChains(control: QmpConnection): Promise<readonly (readonly string[])[]> {
  interface Image {
    readonly filename: string
    readonly 'backing-image'?: Image
  }
  const drives = (await control.executeAny('query-block', {})) as readonly {
    readonly inserted?: { readonly image?: Image }
  }[]
  const files = (image: Image | undefined): readonly string[] =>
    image === undefined ? [] : [image.filename, ...files(image['backing-image'])]
  return drives.map(({ inserted }) => files(inserted?.image))
}

/** Closes the nodes of a file that no disk uses. */
async function closeFile(control: QmpConnection, path: string): Promise<void> {
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const nodes = await blockNodes(control)
    const format = formatNode(nodes, path)
    const storage = nodes.find(({ drv, file }) => drv === 'file' && file === path)
    for (const node of [format, storage])
      if (node !== undefined) await closeNode(control, node['node-name'])
  }
}

async function isInXml(
  { directories, name, paths, record }: HeldDomain,
  { path, backing, backingFormat: format }: DiskOverlay,
): Promise<boolean> {
  const texts = [
    await readDefinition(directories, name),
    record === undefined ? undefined : await readLiveXml(paths),
  ]
  return texts.some(
    (text) => text !== undefined && withoutOverlay(text, path, { path: backing, format }) !== text,
  )
}

/** Lets the definition, and the XML that the guest runs from, name the backing file in place of an overlay. @throws StorageError */
async function renameInXml(
  { directories, name, paths, record }: HeldDomain,
  overlay: string,
  backing: { readonly path: string; readonly format: string },
): Promise<void> {
  const definition = await readDefinition(directories, name)
  if (definition !== undefined) {
    const changed = withoutOverlay(definition, overlay, backing)
    if (changed !== definition) await writeDefinition(directories, name, changed)
  }
  if (record === undefined) return
  const live = await readLiveXml(paths)
  const changed = withoutOverlay(live, overlay, backing)
  if (changed !== live) await writeText(paths.liveXml, changed, { durable: true })
}
