import type { Command } from 'commander'
import { type AllowRule, checkAllowRule } from '../../domain/trust/allow-rules.ts'

/** The options of verbs that make the machine of an image. */
export interface AllowFlags {
  readonly allow?: readonly AllowRule[]
  readonly trust?: boolean
}

/** Adds `--allow` and `--trust`. */
export function declareTrust(command: Command): Command {
  return declareAllow(command).option(
    '--trust',
    'allow everything that the image asks for, although this host did not save it',
  )
}

/** Adds `--allow`. */
export function declareAllow(command: Command): Command {
  return command.option(
    '--allow <kind:value>',
    'allow one thing of the host: path:/srv/vm, emulator:/opt/qemu, listen:0.0.0.0 …; may be repeated',
    (text: string, before: readonly AllowRule[] | undefined) => [
      ...(before ?? []),
      checkAllowRule(text),
    ],
  )
}

/** The permissions that the flags give. */
export function allowed({ allow = [], trust }: AllowFlags): readonly AllowRule[] {
  return trust === true ? [...allow, 'everything'] : allow
}
