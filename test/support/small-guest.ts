import { join } from 'node:path'

import {
  type TemporaryDirectory,
  makeTemporaryDirectory,
} from '../../src/io/files/temporary-directory.ts'
import { endQemu } from '../../src/qemu/process/end.ts'
import { launchQemu } from '../../src/qemu/process/launch.ts'
import type { QemuProcess } from '../../src/qemu/process/process.ts'
import type { QmpConnection } from '../../src/qmp/connection.ts'

/** A QEMU that runs only firmware. It ends with its scope. */
export interface SmallGuest extends AsyncDisposable {
  readonly process: QemuProcess
  readonly qmp: QmpConnection
  readonly directory: string
  readonly monitors: { readonly control: string; readonly query: string }
}

const GUEST = ['-machine', 'q35', '-accel', 'tcg', '-m', '64', '-display', 'none', '-nodefaults']

/** Starts the QEMU; `extra` is added to its command line (`-S`, `-incoming defer`). */
export async function startSmallGuest(
  emulator: string,
  extra: readonly string[] = [],
  extraFds: readonly number[] = [],
): Promise<SmallGuest> {
  const directory = await makeTemporaryDirectory('stasis-guest-')
  const monitors = { control: join(directory.path, 'c'), query: join(directory.path, 'q') }
  try {
    const argv = [...GUEST, '-no-user-config', ...extra]
    const { process, control } = await launchQemu({
      emulator,
      argv,
      extraFds,
      directory: directory.path,
      monitors,
    })
    return {
      process,
      qmp: control,
      directory: directory.path,
      monitors,
      [Symbol.asyncDispose]: () => end(process, control, directory),
    }
  } catch (error) {
    await directory[Symbol.asyncDispose]()
    throw error
  }
}

async function end(
  process: QemuProcess,
  control: QmpConnection,
  directory: TemporaryDirectory,
): Promise<void> {
  await control.close()
  await endQemu(process.identity, { force: true })
  await directory[Symbol.asyncDispose]()
}
