import { spawnSync } from 'node:child_process'

/** A user of the system for QEMU, which is removed with its scope. */
export interface TestUser extends Disposable {
  readonly name: string
  readonly uid: number
}

/** Why a test cannot make users; `false` when it can. */
export const noUsers: string | false =
  process.geteuid?.() !== 0 && 'only root starts QEMU as another user'

/** Makes a system user, and lets every QEMU that this process starts change to it. */
export function makeQemuUser(): TestUser {
  const name = `stasis-t${process.pid}`
  run('useradd', '--system', '--no-create-home', '--shell', '/usr/sbin/nologin', name)
  const uid = Number(run('id', '-u', name))
  process.env['STASIS_QEMU_USER'] = name
  return {
    name,
    uid,
    [Symbol.dispose]() {
      delete process.env['STASIS_QEMU_USER']
      run('userdel', name)
    },
  }
}

function run(command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} failed: ${stderr}`)
  return stdout.trim()
}
