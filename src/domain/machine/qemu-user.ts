import { UsageError } from '../../errors.ts'
import { Configuration, type Environment } from '../configuration/configuration.ts'
import { type SystemUser, localUser, systemUser } from '../../qemu/process/system-user.ts'

/** The user of every QEMU that root starts, if the host has it. `stasis doctor --fix` makes it. */
export const DEFAULT_QEMU_USER = 'stasis-qemu'

/** Where the configuration names the user, or root; `undefined`: it does not. @throws errors of `Configuration.read` */
export async function whereUserIsChosen(
  env: Environment = process.env,
): Promise<string | undefined> {
  return (await Configuration.read(env)).qemuUser?.where
}

/**
 * The user that QEMU changes to; `undefined`: it keeps ours. Only root can choose.
 * @throws UsageError BAD_ARGUMENT for a user that this host does not have; errors of `Configuration.read`
 */
export async function qemuUser(env: Environment = process.env): Promise<SystemUser | undefined> {
  if (process.geteuid?.() !== 0) return undefined
  const chosen = (await Configuration.read(env)).qemuUser
  if (chosen === undefined) return rootless(await localUser(DEFAULT_QEMU_USER))
  const { name, where } = chosen
  const user = await systemUser(name)
  if (user === undefined)
    throw new UsageError('BAD_ARGUMENT', `${where}: this host has no user "${name}"`, {
      hint: `Make it with \`useradd --system ${name}\`, name another user, or name root`,
    })
  return rootless(user)
}

function rootless(user: SystemUser | undefined): SystemUser | undefined {
  return user?.uid === 0 ? undefined : user
}
