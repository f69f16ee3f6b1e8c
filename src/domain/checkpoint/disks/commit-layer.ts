import { setTimeout as delay } from 'node:timers/promises'
import { QemuError } from '../../../errors.ts'
import type { QmpConnection } from '../../../qmp/connection.ts'
import type { HeldDomain } from '../../catalogue/held-domain.ts'
import { whileStopped } from '../../save/brief-stop.ts'
import type { DiskOverlay } from '../../store/checkpoints/disk-overlay.ts'
import type { RuntimeRecord } from '../../store/runtime-record.ts'
import { blockNodes, closeNode, formatNode } from './disk-nodes.ts'

/** A running domain in which an overlay is merged. */
interface RunningDisk {
  readonly held: HeldDomain
  readonly control: QmpConnection
  readonly record: RuntimeRecord
  /** The file that the guest writes to: the top of the chain. */
  readonly active: string
  /** A file that is removed if this process is killed in the short stop at the end. It need not exist. */
  readonly leftover: string
  readonly signal?: AbortSignal | undefined
  /** Called when the guest uses the backing file in place of the overlay, or is about to: records that. */
  readonly onSwitch: () => Promise<void>
}

const JOB = 'stasis-commit-'

const LOOK_MS = 20

/** Ends a merge whose process was killed: the guest uses the overlay as before, unless the merge had already ended. @throws QemuError */
export async function endKilledMerge(control: QmpConnection): Promise<void> {
  for (;;) {
    const jobs = (await control.executeAny('query-jobs', {})) as readonly {
      readonly id: string
      readonly status: string
    }[]
    const ours = jobs.filter(({ id }) => id.startsWith(JOB))
    if (ours.length === 0) return
    for (const { id, status } of ours) {
      const command = status === 'concluded' ? 'job-dismiss' : 'job-cancel'
      // Between two looks it may have changed its state.
      await control.executeAny(command, { id }).catch(() => undefined)
    }
    await delay(LOOK_MS)
  }
}

/**
 * Merges an overlay of a running guest into its backing file (QEMU's `block-commit`). The guest runs meanwhile; if it writes to this very overlay, it is stopped for a moment at the
 * end, so that the record of its disks is never older than they are. Returns false when QEMU does not use the overlay.
 * @throws QemuError: the guest uses the overlay as before
 */
export async function commitRunning(overlay: DiskOverlay, disk: RunningDisk): Promise<boolean> {
  const { held, control, record, active, onSwitch, signal } = disk
  const nodes = await blockNodes(control)
  const top = formatNode(nodes, overlay.path)?.['node-name']
  const base = formatNode(nodes, overlay.backing)?.['node-name']
  const device = formatNode(nodes, active)?.['node-name']
  if (top === undefined || base === undefined || device === undefined) return false
  const job = `${JOB}${overlay.target}`
  using events = control.listenAny('JOB_STATUS_CHANGE')
  const until = async (...states: readonly string[]): Promise<string> => {
    for (;;) {
      const event = await events.next({ signal })
      const { id, status } = event?.data ?? {}
      if (id === job && typeof status === 'string' && states.includes(status)) return status
    }
  }
  const args = {
    'job-id': job,
    device,
    'base-node': base,
    'auto-dismiss': false,
    ...(device !== top && { 'top-node': top, 'backing-file': overlay.backing }),
  }
  await control.executeAny('block-commit', args, { signal })
  try {
    if (device === top) {
      await until('ready', 'concluded')
      await whileStopped(held, { control, record, file: disk.leftover, signal }, async () => {
        await control.executeAny('job-complete', { id: job })
        await until('concluded')
        await requireSuccess(control, job, overlay)
        await onSwitch()
      })
    } else {
      await until('concluded')
      await requireSuccess(control, job, overlay)
      await onSwitch()
    }
  } catch (error) {
    await control.executeAny('job-cancel', { id: job }).catch(() => undefined)
    await control.executeAny('job-dismiss', { id: job }).catch(() => undefined)
    throw error
  }
  await control.executeAny('job-dismiss', { id: job }).catch(() => undefined)
  const storage = nodes.find(({ drv, file }) => drv === 'file' && file === overlay.path)
  await closeNode(control, top)
  if (storage !== undefined) await closeNode(control, storage['node-name'])
  return true
}

async function requireSuccess(
  control: QmpConnection,
  job: string,
  { path, backing }: DiskOverlay,
): Promise<void> {
  const jobs = (await control.executeAny('query-jobs', {})) as readonly {
    readonly id: string
    readonly error?: string
  }[]
  const fault = jobs.find(({ id }) => id === job)?.error
  if (fault === undefined) return
  throw new QemuError('QEMU_REFUSED', `${path} could not be merged into ${backing}: ${fault}`, {
    operation: 'merge a disk overlay',
    path,
  })
}
