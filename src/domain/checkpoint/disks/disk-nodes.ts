import { DomainError } from '../../../errors.ts'
import { cacheFlags } from '../../../qemu/command-line/storage/disk-nodes.ts'
import type { Disk } from '../../../qemu/domain-xml/model/storage/disk.ts'
import type { QmpConnection } from '../../../qmp/connection.ts'
import type { DiskOverlay } from '../../store/checkpoints/disk-overlay.ts'

/** A block node of QEMU, as far as it is used here (qapi/block-core.json, BlockDeviceInfo). */
interface BlockNode {
  readonly 'node-name': string
  readonly drv: string
  readonly file: string
  readonly ro: boolean
  readonly image?: { readonly 'virtual-size'?: number }
}

/** Drivers of nodes that are the content of a file, not its format. */
const PROTOCOLS: ReadonlySet<string> = new Set(['file', 'host_device', 'host_cdrom'])

/** Drivers of nodes between a disk and its device, and of those that a merge puts there. */
const FILTERS: ReadonlySet<string> = new Set([
  'throttle',
  'copy-on-read',
  'mirror_top',
  'commit_top',
])

/** The nodes of a machine. @throws QemuError */
export async function blockNodes(control: QmpConnection): Promise<readonly BlockNode[]> {
  return (await control.executeAny('query-named-block-nodes', {})) as readonly BlockNode[]
}

/** The node in a format (`raw`, `qcow2`) of a file that QEMU has open. */
export function formatNode(nodes: readonly BlockNode[], path: string): BlockNode | undefined {
  return nodes.find(({ drv, file }) => isOf(file, path) && !PROTOCOLS.has(drv) && !FILTERS.has(drv))
}

/** Whether QEMU's name of a file means this path: it describes a file with options that its name does not express as `json:{…}`. */
export function isOf(file: string, path: string): boolean {
  if (file === path) return true
  if (!file.startsWith('json:')) return false
  try {
    const { file: inner } = JSON.parse(file.slice('json:'.length)) as {
      readonly file?: { readonly filename?: string }
    }
    return inner?.filename === path
  } catch {
    return false
  }
}

/** @throws DomainError DOMAIN_WRONG_STATE when QEMU does not have the file open */
export function requireNode(nodes: readonly BlockNode[], path: string, target: string): BlockNode {
  const node = formatNode(nodes, path)
  if (node !== undefined) return node
  throw new DomainError(
    'DOMAIN_WRONG_STATE',
    `QEMU does not use ${path} for the disk ${target}, although the XML of the domain says so`,
    { path },
  )
}

/** An overlay that QEMU has opened, beside the node of its disk. */
export interface OpenOverlay extends DiskOverlay {
  /** The node that gets the overlay on top. */
  readonly base: string
  readonly node: string
  readonly storage: string
}

/**
 * Opens overlays in QEMU without their backing files, ready for `overlayTransaction`. Disposing closes those that no disk uses.
 * @throws QemuError QEMU_REFUSED
 */
export async function openOverlays(
  control: QmpConnection,
  overlays: readonly DiskOverlay[],
  disks: readonly Disk[],
): Promise<{ readonly open: readonly OpenOverlay[] } & AsyncDisposable> {
  const nodes = await blockNodes(control)
  const numbers = nodes.map((node) => Number(/^libvirt-(\d+)-/.exec(node['node-name'])?.[1] ?? 0))
  let number = Math.max(0, ...numbers)
  const undo = new AsyncDisposableStack()
  const open: OpenOverlay[] = []
  try {
    for (const overlay of overlays) {
      number += 1
      const disk = disks.find(({ target }) => target === overlay.target)
      const storage = `libvirt-${number}-storage`
      const node = `libvirt-${number}-format`
      const flags = cacheFlags(disk?.cache)
      const cache = flags && { direct: flags.direct, 'no-flush': flags.noFlush }
      const add = async (args: Readonly<Record<string, unknown>>): Promise<void> => {
        await control.executeAny('blockdev-add', dropUndefined(args))
        undo.defer(() => closeNode(control, String(args['node-name'])))
      }
      await add({
        driver: 'file',
        filename: overlay.path,
        aio: disk?.io,
        'node-name': storage,
        cache,
        'auto-read-only': true,
        discard: 'unmap',
      })
      await add({
        driver: 'qcow2',
        'node-name': node,
        'read-only': false,
        discard: disk?.discard,
        'detect-zeroes': disk?.detectZeroes,
        cache,
        file: storage,
        backing: null,
      })
      const base = requireNode(nodes, overlay.backing, overlay.target)['node-name']
      open.push({ ...overlay, base, node, storage })
    }
  } catch (error) {
    await undo.disposeAsync()
    throw error
  }
  return { open, [Symbol.asyncDispose]: () => undo.disposeAsync() }
}

/** Puts all overlays on top of their disks at one instant. @throws QemuError QEMU_REFUSED: none is there then */
export async function overlayTransaction(
  control: QmpConnection,
  open: readonly OpenOverlay[],
): Promise<void> {
  if (open.length === 0) return
  const actions = open.map(({ base, node }) => ({
    type: 'blockdev-snapshot',
    data: { node: base, overlay: node },
  }))
  await control.executeAny('transaction', { actions })
}

/** Closes a node, if nothing uses it. */
export async function closeNode(control: QmpConnection, name: string): Promise<void> {
  await control.executeAny('blockdev-del', { 'node-name': name }).catch(() => undefined)
}

function dropUndefined(args: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined))
}
