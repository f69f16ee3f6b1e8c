import { UsageError } from '../../errors.ts'
import { type SystemUser, localUser, systemUser } from '../../qemu/system-user.ts'

/** The user of every QEMU that root starts, if the host has it. `stasis doctor --fix` makes it. */
export const DEFAULT_QEMU_USER = 'stasis-qemu'

/** The variable that names another user, or `root`. */
const QEMU_USER_VARIABLE = 'STASIS_QEMU_USER'

/** Whether somebody named the user, or root. */
export function isUserChosen(
  env: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  return (env[QEMU_USER_VARIABLE] ?? '') !== ''
}

/**
 * The user that QEMU changes to; `undefined`: it stays who we are. Only root can choose.
 * @throws UsageError BAD_ARGUMENT for a user that this host does not have
 */
export async function qemuUser(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<SystemUser | undefined> {
  if (process.geteuid?.() !== 0) return undefined
  const name = env[QEMU_USER_VARIABLE] ?? ''
  const user = name === '' ? await localUser(DEFAULT_QEMU_USER) : await systemUser(name)
  if (user === undefined && name !== '')
    throw new UsageError('BAD_ARGUMENT', `${QEMU_USER_VARIABLE}: this host has no user "${name}"`, {
      hint: `Make it with \`useradd --system ${name}\`, name another user, or name root`,
    })
  return user?.uid === 0 ? undefined : user
}
