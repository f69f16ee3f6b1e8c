import { dirname } from 'node:path'
import { throwIfCancelled } from '../../errors.ts'
import { openSpecialTarget } from '../../io/files/special/special-target.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import type { ImageReceiver } from '../../transfer/image-receiver.ts'
import { startImageReceiver } from '../../transfer/image-receivers/receiver-table.ts'
import type { Act } from '../acts/keep-act.ts'
import { checkDestination } from '../catalogue/files/destination.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import { recordSaveIntent, withdrawSaveIntent } from '../catalogue/save-intent.ts'
import { openControl } from '../machine/monitor.ts'
import type { OnProgress, SaveProgress } from '../progress/progress.ts'
import { prepareTransferSocket } from '../store/confinement.ts'
import type { JobOperation } from '../store/job-record.ts'
import { waitForAllMemory } from '../store/postcopy-state.ts'
import type { SaveIntent } from '../store/runtime-record.ts'
import { type SavePlan, type SavePlanOptions, planSave } from './plan-save.ts'
import { freeSpace } from './save-space.ts'
import { watchSave } from './save-watcher.ts'

/** A save whose image is open, while the guest still runs as before. Disposing it closes everything; an image that was not published is gone. */
export interface OpenSave extends AsyncDisposable {
  readonly path: string
  /** The image goes into a pipe, so it is somewhere else afterwards. */
  readonly isPiped: boolean
  /** What was free for the image; `undefined` where it is not a regular file. */
  readonly freeBytes: number | undefined
  readonly control: QmpConnection
  readonly plan: SavePlan
  /** The record of the domain names the image from now on. */
  readonly saving: SaveIntent
  readonly receiver: ImageReceiver
  /** Grows while the image is written: why it has no digest. */
  readonly digestFaults: readonly unknown[]
}

/** How a save is opened. */
interface OpenSaveOptions extends SavePlanOptions {
  readonly operation: JobOperation
  readonly act: Act
  readonly digest?: boolean | undefined
  readonly report: OnProgress<SaveProgress>
}

/**
 * Checks that a domain can be saved to this place, and opens the image. A process of its own continues the guest from now on if this one is killed.
 * @throws the errors of `saveDomain`; nothing has changed then
 */
export async function openSave(
  held: HeldDomain,
  asked: string,
  options: OpenSaveOptions,
): Promise<OpenSave> {
  const { settings, signal, report } = options
  const { name, paths } = held
  const found = held.requireRunning()
  await using opened = new AsyncDisposableStack()
  report({ phase: 'checking' })
  await waitForAllMemory(name, paths, signal, ({ image, remainingBytes }) =>
    report({ phase: 'waiting-for-memory', image, remainingBytes }),
  )
  const path = await checkDestination(held.directories, asked, {
    domain: name,
    guest: found.uuid,
    managedSave: options.operation === 'save' ? undefined : paths.managedSave,
    format: settings.format,
    digest: options.digest,
  })
  const control = opened.use(await openControl(paths, signal))
  const start = opened.use(startImageReceiver(settings.format, settings))
  const plan = await planSave(held, control, options)
  const { record, description } = plan
  await options.act.before({ image: path }, signal)
  const onWait = (): void => report({ phase: 'waiting-for-reader', path })
  const target = opened.use(
    await openSpecialTarget(path, { direct: settings.direct, signal, onWait }),
  )
  const freeBytes = target === undefined ? await freeSpace(dirname(path)) : undefined
  // A killed save leaves its socket.
  await prepareTransferSocket(paths, paths.migrationSocket)
  throwIfCancelled(`save domain '${name}'`, signal)
  opened.use(watchSave(held))
  const saving = await recordSaveIntent(paths, record, {
    ...{ path, description, running: plan.wouldRun },
  })
  const digestFaults: unknown[] = []
  const opening = start.open({
    ...settings,
    path,
    target,
    socketPath: paths.migrationSocket,
    description,
    digest: options.digest === true ? { onFault: (error) => digestFaults.push(error) } : undefined,
  })
  const receiver = await opening.catch(async (error: unknown) => {
    await withdrawSaveIntent(paths, found, saving)
    throw error
  })
  opened.use(receiver)
  const isPiped = target?.kind === 'pipe'
  const resources = opened.move()
  return {
    ...{ path, isPiped, freeBytes, control, plan, saving, receiver, digestFaults },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}
