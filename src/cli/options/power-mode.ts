import { type Command, InvalidArgumentError } from 'commander'
import type { PowerMode } from '../../domain/lifecycle/power.ts'

/** How to ask a guest to shut down or to reboot. */
export interface PowerFlags {
  readonly mode?: readonly PowerMode[]
}

/** virsh's other ways, and why no guest here knows them. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  initctl: 'initctl is for containers',
  signal: 'signal is for containers',
  paravirt: 'paravirt is for Xen',
}

/** Adds `--mode`. */
export function declarePowerMode(command: Command): Command {
  return command.option(
    '--mode <modes>',
    'how to ask: acpi is the power button (the default), agent the guest agent; acpi,agent tries the agent first',
    (text: string): readonly PowerMode[] => text.split(',').map(modeOf),
  )
}

function modeOf(text: string): PowerMode {
  if (text === 'acpi' || text === 'agent') return text
  const elsewhere = ELSEWHERE[text]
  throw new InvalidArgumentError(
    elsewhere === undefined
      ? 'Allowed are acpi, agent, or both with a comma.'
      : `${elsewhere}: QEMU has acpi and agent.`,
  )
}
