import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { StorageError } from '../../errors.ts'
import { isThere } from '../../io/files/file-names.ts'
import { cleanEnvironment } from '../../io/processes/clean-environment.ts'

const run = promisify(execFile)

/** A user of this host. */
export interface SystemUser {
  readonly name: string
  readonly uid: number
  readonly gid: number
  /** Its groups, with its own. */
  readonly groups: readonly number[]
}

/** A user of `/etc/passwd` with its groups in `/etc/group` (passwd(5), group(5)); `undefined` when there is none. */
export async function localUser(name: string): Promise<SystemUser | undefined> {
  const [users, groups] = await Promise.all([linesOf('/etc/passwd'), linesOf('/etc/group')])
  const [, , uid, gid] = users.find(([one]) => one === name) ?? []
  if (uid === undefined || gid === undefined || !isId(uid) || !isId(gid)) return undefined
  const others = groups.flatMap(([, , id, members = '']) =>
    id !== undefined && isId(id) && members.split(',').includes(name) ? [Number(id)] : [],
  )
  return {
    name,
    uid: Number(uid),
    gid: Number(gid),
    groups: [...new Set([Number(gid), ...others])],
  }
}

/** The number of a group of `/etc/group`; `undefined` when there is none. */
export async function localGroup(name: string): Promise<number | undefined> {
  const [, , id] = (await linesOf('/etc/group')).find(([one]) => one === name) ?? []
  return id !== undefined && isId(id) ? Number(id) : undefined
}

/** Makes a user and a group of the system, without a login and a home. @throws StorageError NO_PERMISSION with the reason */
export async function makeSystemUser(name: string): Promise<void> {
  const shell = (await isThere('/usr/sbin/nologin')) ? '/usr/sbin/nologin' : '/bin/false'
  const options = ['--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent']
  const argv = [...options, '--shell', shell, name]
  try {
    await run('useradd', argv, { env: cleanEnvironment() })
  } catch (cause) {
    const { code, stderr } = cause as { code?: unknown; stderr?: string }
    const reason = code === 'ENOENT' ? 'useradd was not found' : stderr?.trim() || String(cause)
    throw new StorageError('NO_PERMISSION', `Could not make the user ${name}: ${reason}`, {
      operation: `make the user ${name}`,
      hint: 'Make it with a tool of this distribution: a user of the system with a group of the same name, without a login and a home',
      cause,
    })
  }
}

/** A user of any source that the host has configured, such as a directory service; `undefined` when there is none. */
export async function systemUser(name: string): Promise<SystemUser | undefined> {
  const local = await localUser(name)
  if (local !== undefined) return local
  try {
    const ids = await Promise.all(
      ['-u', '-g', '-G'].map(async (option) => {
        const { stdout } = await run('id', [option, '--', name], { env: cleanEnvironment() })
        return stdout.trim().split(' ').map(Number)
      }),
    )
    const [[uid] = [], [gid] = [], groups = []] = ids
    return uid === undefined || gid === undefined ? undefined : { name, uid, gid, groups }
  } catch {
    return undefined
  }
}

function isId(text: string): boolean {
  return /^\d+$/.test(text)
}

/** An unreadable file has no users that anyone could change to. */
async function linesOf(path: string): Promise<readonly (readonly string[])[]> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text.split('\n').map((line) => line.split(':'))
}
