import { lchown, readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { StorageError } from '../../../errors.ts'
import { storageError } from '../../../io/storage-error.ts'
import { type Owner, makeDirectory, namesIn, removeTree } from '../../../io/files/directory.ts'
import { copyToNew, isThere, renameFile } from '../../../io/files/file-names.ts'
import { syncDirectory } from '../../../io/files/partial-file.ts'
import { exchangeNames } from '../../../io/system-calls.ts'
import { emulatedTpm } from '../../../qemu/command-line/devices/tpm.ts'
import type { Domain } from '../../../qemu/domain-xml/model/domain.ts'
import type { EmulatedTpm } from '../../../qemu/domain-xml/model/devices/tpm.ts'
import type { SystemUser } from '../../../qemu/process/system-user.ts'
import { valueOf } from './open-secrets.ts'
import { setUpTpm, TpmEmulator } from '../../../qemu/programs/tpm-emulator.ts'
import { untilTpmIsUnused } from '../../../qemu/programs/tpm-users.ts'

/** Where libvirt keeps those of the system (qemu.conf `swtpm_storage_dir`). */
const OF_LIBVIRT = '/var/lib/libvirt/swtpm'

/** The facts for the start of the TPM of a domain. */
export interface TpmPlan {
  readonly domain: Domain
  readonly stateDir: string
  /** The log of the emulator. */
  readonly log: string
  /** Its state comes with a saved machine, and replaces that on the disk only once the machine is complete. */
  readonly incoming: boolean
  readonly user: SystemUser | undefined
  readonly onWarning?: ((text: string) => void) | undefined
}

/** The TPM of a machine that is being launched. */
export interface LaunchedTpm {
  readonly emulator: TpmEmulator
  /** The saved machine is complete: its TPM is the domain's from now on. @throws StorageError */
  readonly keep: () => Promise<void>
  /** The machine is not: its files are removed, and the domain's TPM is as before. */
  readonly discard: () => Promise<void>
}

/** The directory of a domain's TPM; `undefined` when it has none that is emulated. */
export function tpmDirectory(
  domain: Pick<Domain, 'tpms' | 'uuid'>,
  stateDir: string,
): string | undefined {
  const [tpm] = domain.tpms
  if (tpm?.backend.type !== 'emulator') return undefined
  return tpm.backend.stateDirectory ?? join(stateDir, 'tpm', domain.uuid ?? '', part(tpm.backend))
}

/** libvirt's name for it below the UUID. */
function part({ version }: EmulatedTpm): string {
  return version === '2.0' ? 'tpm2' : 'tpm1.2'
}

/**
 * Starts the emulator of a domain's TPM; `undefined` when it has none. A new TPM is made first. One that libvirt kept for this domain is taken over.
 * @throws QemuError QEMU_LACKS_FEATURE, QEMU_START_FAILED, QEMU_BUSY; StorageError
 */
export async function startTpm(plan: TpmPlan): Promise<LaunchedTpm | undefined> {
  const tpm = emulatedTpm(plan.domain)
  const directory = tpmDirectory(plan.domain, plan.stateDir)
  if (tpm === undefined || directory === undefined) return undefined
  const password = tpm.secret && (await valueOf(tpm.secret, plan.stateDir))
  const arriving = `${directory}.incoming`
  const state = plan.incoming ? arriving : directory
  if (tpm.stateDirectory !== undefined)
    for (const one of [directory, arriving, draftOf(directory)]) await requireTpmState(one)
  if (plan.incoming) {
    await untilTpmIsUnused(arriving)
    await removed(arriving)
    await makeDirectory(arriving)
  } else {
    if (!(await isThere(directory))) await makeTpm(tpm, directory, { ...plan, password })
    await untilTpmIsUnused(directory)
  }
  await giveTo(state, plan.user)
  const emulator = await TpmEmulator.start(tpm, { state, log: plan.log, password }, plan.user)
  return {
    emulator,
    keep: async () => (plan.incoming ? replace(directory, arriving) : undefined),
    discard: async () => (plan.incoming ? removed(arriving) : undefined),
  }
}

async function makeTpm(
  tpm: EmulatedTpm,
  directory: string,
  plan: TpmPlan & { readonly password: Uint8Array | undefined },
): Promise<void> {
  const { password } = plan
  const { uuid = '', name } = plan.domain
  const older = join(OF_LIBVIRT, uuid, part(tpm))
  await makeWhole(directory, async (draft) => {
    if (tpm.stateDirectory === undefined && (await isThere(older))) {
      await copyAll(older, draft)
      plan.onWarning?.(`the TPM that libvirt kept in ${older} is the one of '${name}' from now on`)
      return
    }
    const setup = await setUpTpm(tpm, draft, { owner: `${name}:${uuid}`, password })
    if (setup.kind === 'plain')
      plan.onWarning?.(`the new TPM of '${name}' has no certificates: ${setup.why}`)
  })
}

/**
 * Copies the TPM that libvirt keeps for a domain below `storage`, unless the domain has one here. Returns the directory that was copied.
 * @throws StorageError
 */
export async function importTpm(
  domain: Domain,
  stateDir: string,
  storage: string,
): Promise<string | undefined> {
  const tpm = emulatedTpm(domain)
  const directory = tpmDirectory(domain, stateDir)
  if (tpm === undefined || directory === undefined || tpm.stateDirectory !== undefined)
    return undefined
  const older = join(storage, domain.uuid ?? '', part(tpm))
  if ((await isThere(directory)) || !(await isThere(older))) return undefined
  await makeWhole(directory, (draft) => copyAll(older, draft))
  return older
}

/** Makes a directory durably: it has its name only when `fill` has put all into it. */
async function makeWhole(directory: string, fill: (draft: string) => Promise<void>): Promise<void> {
  const draft = draftOf(directory)
  await removed(draft)
  await makeDirectory(draft)
  await fill(draft)
  await renameFile(draft, directory)
  await syncDirectory(dirname(directory))
}

function draftOf(directory: string): string {
  return `${directory}.new`
}

async function copyAll(from: string, to: string): Promise<void> {
  try {
    for (const entry of await readdir(from, { withFileTypes: true }))
      if (entry.isFile()) await copyToNew(join(from, entry.name), join(to, basename(entry.name)))
  } catch (error) {
    throw storageError('take over the TPM', from, error)
  }
}

/**
 * In one step where the file system can, so that a power cut leaves one of the two. After a failure the older one is in its place again.
 * @throws StorageError
 */
async function replace(directory: string, arriving: string): Promise<void> {
  const isOlder = await isThere(directory)
  const exchange = (): void => {
    try {
      exchangeNames(arriving, directory)
    } catch (error) {
      throw storageError('put the TPM in place', directory, error)
    }
  }
  if (isOlder) exchange()
  else await renameFile(arriving, directory)
  try {
    await syncDirectory(dirname(directory))
  } catch (error) {
    if (isOlder) exchange()
    else await renameFile(directory, arriving)
    throw error
  }
  // The commit point.
  await removed(arriving).catch(() => undefined)
}

/** The files of swtpm (swtpm_nvstore_dir.c). */
const STATE_FILE = /^(\.lock|(TMP)?(tpm)?2?-[0-9a-f]{2}\..+)$/

/** A TPM replaces its whole directory, and a directory that the XML names may be something else. @throws StorageError FILE_EXISTS when something else is in it */
async function requireTpmState(directory: string): Promise<void> {
  const names = await namesIn(directory, 'look at the TPM')
  const other = names.find((name) => !STATE_FILE.test(name))
  if (other === undefined) return
  throw new StorageError('FILE_EXISTS', `${directory} is not only a TPM: ${other} is in it`, {
    path: directory,
    hint: 'Give the TPM a directory of its own in the XML',
  })
}

async function removed(path: string): Promise<void> {
  try {
    await removeTree(path)
  } catch (error) {
    throw storageError('remove the directory', path, error)
  }
}

async function giveTo(directory: string, owner: Owner | undefined): Promise<void> {
  const to = owner ?? { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
  try {
    if (process.geteuid?.() !== 0) return
    for (const name of await readdir(directory)) await lchown(join(directory, name), to.uid, to.gid)
    await lchown(directory, to.uid, to.gid)
  } catch (error) {
    throw storageError('set the owner of the TPM', directory, error)
  }
}
