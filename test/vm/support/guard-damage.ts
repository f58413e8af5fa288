// What the guard keeps of a kernel and puts back, damaged in all sorts of ways on a real machine: without transactions around
// it, and only the kinds of state that are concerned, so that a round costs seconds.
import { guardProgram } from '../../../src/guard/program.ts';
import type { GuardMachines } from './guard-machines.ts';

/** The program's last line starts it. */
const PARTS = guardProgram().replace(/\nmain "\$@"\n$/, '\n');

/**
 * Arguments: the kinds in one word, and what damages them. For each of these a line with its number, and behind it how the
 * state differs after the way back from before; that nothing was damaged is a difference, too.
 */
const ROUNDS = `
kinds=$1
shift
take_kinds() { rm -rf "$1"; mkdir "$1"; for kind in $kinds; do "take_$kind" "$1"; done; }
put_kinds() {
  failures=
  for kind in $kinds; do "put_$kind" "$1"; done
  printf %s "$failures"
}
round=/var/tmp/round
mkdir $round
take_kinds $round/before
number=0
for damage; do
  echo "round $number"
  number=$((number + 1))
  (set +eu; eval "$damage") >$round/said 2>&1 || echo "the damage: $(cat $round/said)"
  take_kinds $round/now
  ! diff -r -x '.*' $round/before $round/now >/dev/null || echo 'no damage'
  (set +eu; put_kinds $round/before </dev/null)
  take_kinds $round/now
  diff -r -x '.*' $round/before $round/now || :
done
rm -rf $round`;

/** Each damage (sh) to how the host differs after the way back; empty where it does not. */
export async function damageRounds(
  machines: GuardMachines,
  host: string,
  { kinds, damages }: { readonly kinds: string; readonly damages: readonly string[] },
): Promise<Readonly<Record<string, string>>> {
  await machines.inside(host, `cat >/var/tmp/parts <<'END-OF-PARTS'\n${PARTS}${ROUNDS}\nEND-OF-PARTS`);
  const words = ['sh', '/var/tmp/parts', kinds, ...damages] as const;
  const { stdout, stderr } = await machines.guard.lab.inHost(host, words);
  const [before = '', ...rounds] = stdout.split(/^round \d+\n/m);
  const all = damages.map((damage, at) => [damage, rounds[at] ?? 'it was never its turn'] as const);
  return { ...Object.fromEntries(all), said: before + stderr };
}

/** What is expected of damageRounds. */
export function undamaged(damages: readonly string[]): Readonly<Record<string, string>> {
  return { ...Object.fromEntries(damages.map((damage) => [damage, ''])), said: '' };
}
