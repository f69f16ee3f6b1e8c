import type { RedirectionRule } from '../../domain-xml/model/characters/redirection.ts'
import { device } from '../arguments.ts'
import { bootIndexes } from '../boot.ts'
import { chardev } from './chardev.ts'
import type { CommandLineOptions } from '../options.ts'
import type { Wiring } from '../buses/wiring.ts'

/** Places for USB devices of another machine. */
export function redirectionArguments(
  wiring: Wiring,
  options: CommandLineOptions,
): readonly string[] {
  const { redirectedDevices, redirectionFilter } = wiring.domain
  const indexes = bootIndexes(wiring.domain)
  return redirectedDevices.flatMap((one, at) => {
    const id = wiring.idOf(one, `redir${at}`)
    return [
      ...chardev(one.backend, id, one, options, 'usbredir'),
      ...device({
        driver: 'usb-redir',
        chardev: `char${id}`,
        id,
        filter: redirectionFilter?.map(ruleText).join('|'),
        bootindex: indexes.get(one),
        ...wiring.address(one),
      }),
    ]
  })
}

/** `class:vendor:product:version:allow`, in QEMU's syntax (usbredir, usbredirfilter.h). */
function ruleText(rule: RedirectionRule): string {
  const hexadecimal = (value: number | undefined, digits: number): string =>
    value === undefined ? '-1' : `0x${value.toString(16).toUpperCase().padStart(digits, '0')}`
  return [
    hexadecimal(rule.class, 2),
    hexadecimal(rule.vendor, 4),
    hexadecimal(rule.product, 4),
    hexadecimal(rule.version, 4),
    rule.allow ? '1' : '0',
  ].join(':')
}
