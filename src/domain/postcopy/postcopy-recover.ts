import { type FilePath, givenPath } from '../../io/files/given-path.ts'
import { setTimeout as delay } from 'node:timers/promises'
import { DomainError, QemuError } from '../../errors.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import {
  type PostcopyRecord,
  changePostcopyRecord,
  faultError,
  isBrought,
  isSupervised,
  readPostcopyRecord,
  readPostcopyProgress,
  removePostcopyProgress,
} from '../store/postcopy-record.ts'
import { postcopyState } from '../store/postcopy-state.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { PAGE_SERVER_PROGRAM } from './page-server-program.ts'
import { startSupervisor } from './page-server-process.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'
import { openRecorded, openServed } from './served-image.ts'

const LOOK_MS = 20
const PATIENCE_MS = 30_000

/** Options of a recovery. */
export interface PostcopyRecoverOptions extends DomainOptions {
  /** The present path of the image; default: the recorded one. */
  readonly image?: FilePath | undefined
}

/**
 * Restarts the loading of a domain that was restored lazily and lost its page server, or whose image was repaired. A new server queries which pages QEMU has
 * and sends the rest. Returns when it has started.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING, DOMAIN_WRONG_STATE when no memory is missing or a server is active; ImageError, QemuError
 * @example
 * await recoverPostcopyDomain('web', { image: '/backup/moved/web.save' })
 */
export async function recoverPostcopyDomain(
  reference: string,
  options: PostcopyRecoverOptions = {},
): Promise<{ readonly name: string; readonly image: string }> {
  await using held = await HeldDomain.find(reference, 'postcopy-recover', options)
  held.requireRunning()
  const { name, paths } = held
  const record = await reconciledRecord(paths)
  if (record === undefined)
    throw wrongState(`Domain '${name}' has all of its memory: there is nothing to recover`)
  const supervised = await isSupervised(record)
  if (record.fault === undefined && (await isBrought(record))) {
    throw wrongState(
      `A page server (process ${(record.supervisor ?? record.server)?.pid}) is already loading the memory of domain '${name}'`,
    )
  }
  const image = options.image === undefined ? record.image : givenPath(options.image, 'the image')
  {
    await using _image =
      options.image === undefined
        ? await openRecorded({ ...record, direct: false }, undefined)
        : await openServed(image, { direct: false, machine: record.machine })
  }
  await removePostcopyProgress(paths)
  const { supervisor } = record
  await changePostcopyRecord(paths, record.id, {
    image,
    fault: undefined,
    supervisor: supervised ? supervisor : undefined,
  })
  // A supervisor that has found a damaged image waits for this.
  const started = supervised
    ? undefined
    : await startSupervisor(paths, {
        program: PAGE_SERVER_PROGRAM,
        id: record.id,
        stateDir: held.directories.stateDir,
      })
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    const postcopy = await postcopyState(paths)
    if (
      postcopy === undefined ||
      (postcopy.remainingBytes !== undefined && postcopy.state === 'filling')
    )
      return { name, image }
    if (postcopy.fault !== undefined) throw faultError(postcopy.fault)
    if (started?.ended.aborted === true || performance.now() > deadline) {
      throw new QemuError(
        'QEMU_STREAM',
        `The page server did not start; see ${paths.pageServerLog}`,
        {
          path: paths.pageServerLog,
        },
      )
    }
    await delay(LOOK_MS)
  }
}

/** A server that has found damage ends some seconds later; then the supervisor records it. */
async function reconciledRecord(paths: RuntimePaths): Promise<PostcopyRecord | undefined> {
  for (const deadline = performance.now() + PATIENCE_MS; ;) {
    const record = await readPostcopyRecord(paths)
    const fault = record && (await readPostcopyProgress(paths, record.id))?.fault
    const ending = record?.fault === undefined && fault !== undefined
    if (record === undefined || !ending || !(await isSupervised(record))) return record
    if (performance.now() > deadline) return record
    await delay(LOOK_MS)
  }
}

function wrongState(message: string): DomainError {
  return new DomainError('DOMAIN_WRONG_STATE', message)
}
