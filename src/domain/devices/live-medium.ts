import { DomainError, QemuError, StasisError } from '../../errors.ts'
import { diskNodeName, diskNodes } from '../../qemu/command-line/storage/disk-nodes.ts'
import { child, children } from '../../qemu/domain-xml/access.ts'
import { aliasOf, nameDevices } from '../../qemu/domain-xml/live/aliases.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { opticalDrivesOf } from '../../qemu/programs/optical-drive.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import type { ChangedMedium } from './media-xml.ts'

/** How long a guest may take to unlock the tray of its drive after it was asked to. */
const UNLOCK_MS = 5000

interface SwapOptions {
  readonly force: boolean | undefined
  readonly signal: AbortSignal | undefined
}

/**
 * Puts the medium of the new XML into a drive of a running machine, or empties the drive. The old medium stays if QEMU cannot open the new one, or if the guest does not release the old one.
 * @throws DomainError DOMAIN_WRONG_STATE if the guest has locked the tray; QemuError QEMU_REFUSED
 */
export async function swapMedium(
  monitor: QmpConnection,
  { xml, index, target }: ChangedMedium,
  { force = false, signal }: SwapOptions,
): Promise<void> {
  const document = parseDomainXml(xml)
  const { domain } = readDomain(document, { tolerant: true })
  const disk = domain.disks[index]
  nameDevices(document.root)
  const devices = child(document.root, 'devices')
  const element = devices === undefined ? undefined : children(devices, 'disk')[index]
  const id = element === undefined ? undefined : aliasOf(element)
  if (disk === undefined || id === undefined)
    throw new DomainError('DOMAIN_WRONG_STATE', `The domain has no drive '${target}'`)
  const call = (command: string, args: Readonly<Record<string, unknown>>): Promise<unknown> =>
    monitor.executeAny(command, args, { signal })
  const before = await nodeNames(monitor, signal)
  const number = freeNumber(before)
  const nodes = diskNodes(disk, number - 1, {
    qemuVersion: monitor.version.qemu,
    monitors: [],
    incoming: false,
    opticalDrives: await opticalDrivesOf(domain),
  })
  await using undo = new AsyncDisposableStack()
  for (const [at, text] of nodes.entries()) {
    if (nodes[at - 1] !== '-blockdev') continue
    const node = JSON.parse(text) as Readonly<Record<string, unknown>>
    await call('blockdev-add', node).catch((error: unknown) => {
      throw readableBy(error)
    })
    const name = node['node-name']
    undo.defer(() => call('blockdev-del', { 'node-name': name }).then(nothing, nothing))
  }
  const old = await insertedNode(monitor, id, signal)
  await openTray(monitor, id, target, { force, signal })
  if (old !== undefined) await call('blockdev-remove-medium', { id })
  if (nodes.length > 0)
    await call('blockdev-insert-medium', { id, 'node-name': diskNodeName(disk, number - 1) })
  undo.move()
  await call('blockdev-close-tray', { id })
  const prefix = /^(.*?)-[a-z]+\d*$/.exec(old ?? '')?.[1]
  for (const part of prefix === undefined ? [] : ['format', 'slice-sto', 'storage'])
    if (before.includes(`${prefix}-${part}`))
      await call('blockdev-del', { 'node-name': `${prefix}-${part}` }).catch(nothing)
}

const nothing = (): void => undefined

/** A guest that has locked its tray is asked to open it, as by the button of the drive. */
async function openTray(
  monitor: QmpConnection,
  id: string,
  target: string,
  { force, signal }: { readonly force: boolean; readonly signal: AbortSignal | undefined },
): Promise<void> {
  using events = monitor.listenAny('DEVICE_TRAY_MOVED')
  try {
    await monitor.executeAny('blockdev-open-tray', { id, force }, { signal })
  } catch (error) {
    if (!StasisError.is(error, 'QEMU_REFUSED') || force) throw error
    const deadline = performance.now() + UNLOCK_MS
    for (;;) {
      const timeoutMs = deadline - performance.now()
      const event = timeoutMs <= 0 ? undefined : await events.next({ timeoutMs, signal })
      if (event === undefined) throw locked(target, error)
      if (event.data?.['id'] === id && event.data['tray-open'] === true) return
    }
  }
}

function locked(target: string, cause: unknown): DomainError {
  return new DomainError(
    'DOMAIN_WRONG_STATE',
    `The guest has locked the tray of '${target}' and does not open it`,
    { cause, hint: 'Unmount the medium in the guest, or use --force' },
  )
}

/** QEMU's own message names the file; the user of QEMU is the usual reason. */
function readableBy(error: unknown): unknown {
  if (!(error instanceof QemuError)) return error
  return error.with({ hint: 'The user of QEMU must be able to read the file' })
}

async function nodeNames(
  monitor: QmpConnection,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const nodes = (await monitor.executeAny(
    'query-named-block-nodes',
    { flat: true },
    { signal },
  )) as readonly { readonly 'node-name'?: string }[]
  return nodes.flatMap(({ 'node-name': name }) => (name === undefined ? [] : [name]))
}

/** A number that no node of the machine has in its name. */
function freeNumber(names: readonly string[]): number {
  const taken = names.map((name) => Number(/^libvirt-(\d+)-/.exec(name)?.[1] ?? 0))
  return Math.max(0, ...taken) + 1
}

/** The node of the medium in a drive. */
async function insertedNode(
  monitor: QmpConnection,
  id: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const drives = await monitor.execute('query-block', {}, { signal })
  const drive = drives.find(({ qdev }) => qdev?.split('/').includes(id) === true)
  return drive?.inserted?.['node-name']
}
