// What an operator asks a host's guard, on the host: what is pending, its end by hand, and the repair of what was cut
// short.
import { afterEach, describe, expect, it } from 'vitest';
import type { Question } from '../../src/guard/ask.ts';
import { GUARD, GUARD_WORLDS, GuardedHost } from './support/guarded-host.ts';

const FILE = '/var/lib/f';
const TOUCHED = [`file ${FILE}`];
const STATUS: Question = { kind: 'status' };
const CONFIRM: Question = { kind: 'confirm' };
const CANCEL: Question = { kind: 'cancel', reason: 'ann cancelled it' };
const REMOVE: Question = { kind: 'remove', owner: 'bob@desk' };
const extend = (seconds: number): Question => ({ kind: 'extend', seconds });

let host: GuardedHost;
afterEach(() => host.close());

const SLOW_DISK = `cat >"$1/sync" <<'END'
#!/bin/sh
sleep 1
END
chmod 755 "$1/sync"; mount --bind "$1/sync" "$(readlink -f "$(command -v sync)")"`;

describe.each(GUARD_WORLDS)('in $title', { timeout: 60_000 }, (world) => {
  const make = async (): Promise<void> => {
    host = await GuardedHost.create(world);
    host.inside(`echo old >${FILE}`);
  };
  const change = (id: string, windowS = 60): void => {
    host.arm(id, TOUCHED, windowS);
    host.inside(`echo new >${FILE}`);
  };
  const content = () => host.inside(`cat ${FILE}`).trim();

  it('asking a host that was never guarded leaves nothing on it', async () => {
    await make();
    const before = host.inside('find /etc /var/lib | sort');
    for (const question of [STATUS, CONFIRM, CANCEL, extend(9)])
      expect(host.answer(question)).toBe('state=none\nnewest=0\n');
    expect(host.answer(REMOVE)).toBe('state=none\n');
    expect(host.answer({ kind: 'plan', to: undefined })).toBe('newest=0\n');
    expect(host.answer({ kind: 'generations' })).toBe('');
    expect(host.answer({ kind: 'diff', from: 0, to: 'now' })).toBe('');
    expect(host.ask({ kind: 'diff', from: 3, to: 'now' })).toMatchObject({
      status: 1,
      stderr: 'there is no generation\n',
    });
    expect(host.inside('find /etc /var/lib | sort')).toBe(before);
  });

  it('status tells what is pending, whose timer lives and whose does not', async () => {
    await make();
    change('a1');
    expect(host.answer(STATUS)).toMatch(
      /^state=busy\nid=a1\nowner=ann@desk\n[\s\S]*left=5\d\nstage=armed\nkeeper=alive\nnewest=0\n$/,
    );
    host.killTimer('a1');
    expect(host.answer(STATUS)).toMatch(/stage=armed\nnewest=0\n$/);
    host.host.newBootId();
    expect(host.answer(STATUS)).toMatch(/left=rebooted\nstage=armed\nnewest=0\n$/);
  });

  it('confirm keeps it, whoever asks; late it tells what happened instead', async () => {
    await make();
    change('a1');
    expect(host.answer(CONFIRM)).toMatch(/^id=a1\n[\s\S]*\nconfirmed\n$/);
    expect({ content: content(), said: host.answer(CONFIRM) }).toEqual({
      content: 'new',
      said: 'state=none\nnewest=1\n',
    });
    change('a2');
    expect(host.tell('a2', 'undo', 'a task failed').status).toBe(0);
    const late = host.ask(CONFIRM);
    expect(late).toMatchObject({ status: 76, stderr: '' });
    expect(late.stdout).toMatch(/^state=undone\nid=a2\n[\s\S]*reason=a task failed\n/);
  });

  it('does not confirm or extend what a dead timer or a reboot should have taken back', async () => {
    await make();
    change('a1', 3); // not over before it is armed, on a busy machine
    host.killTimer('a1');
    host.inside(`read -r until <${GUARD}/a1/deadline; while read -r now _ </proc/uptime; now=\${now%.*}\${now#*.};
      [ "$now" -le "$until" ]; do sleep 0.05; done`);
    for (const question of [CONFIRM, extend(60)]) {
      expect(host.ask(question)).toMatchObject({ status: 76 });
      expect(host.answer(STATUS)).toMatch(/left=-?0\nstage=armed\n|left=-\d\nstage=armed\n/);
    }
    host.answer(CANCEL);
    change('a2');
    host.host.newBootId();
    for (const question of [CONFIRM, extend(60)]) expect(host.ask(question)).toMatchObject({ status: 76 });
    expect(host.inside(`ls ${GUARD}/a2/armed`)).toBe(`${GUARD}/a2/armed\n`);
  });

  it('extend counts from now, and starts a timer that has died', async () => {
    await make();
    change('a1');
    expect(host.answer(extend(300))).toMatch(/left=(299|300)\nstage=armed\nkeeper=alive/);
    host.killTimer('a1');
    expect(host.answer(extend(1))).toMatch(/left=[01]\nstage=armed\nkeeper=alive/);
    host.inside(`until [ -e ${GUARD}/a1/undone ]; do sleep 0.05; done`);
    expect(content()).toBe('old');
  });

  it('cancel ends once the next one may begin, however long the disk takes', async () => {
    host = await GuardedHost.create({ ...world, dress: `${world.dress}\n${SLOW_DISK}` });
    host.inside(`echo old >${FILE}`);
    change('a1');
    expect(host.answer(CANCEL)).toMatch(/^state=undone\n/);
    change('a2');
  });

  const CUT_SHORT: Readonly<Record<string, string>> = {
    'its timer is dead': '',
    'somebody died over taking it back': `mv ${GUARD}/a1/armed ${GUARD}/a1/undoing; echo "x" >${GUARD}/a1/reason
      echo '4194303 1' >${GUARD}/a1/undo`,
    'its program is cut short': `head -c 9999 ${GUARD}/a1/program >${GUARD}/a1/half; mv ${GUARD}/a1/half ${GUARD}/a1/program`,
    'its program is empty': `: >${GUARD}/a1/program`,
  };
  it.each(Object.keys(CUT_SHORT))('cancel takes it back where %s', async (trouble) => {
    await make();
    change('a1');
    host.killTimer('a1');
    host.inside(CUT_SHORT[trouble] ?? '');
    expect(host.answer(CANCEL)).toMatch(/^state=undone\n/);
    expect(content()).toBe('old');
    expect(host.inside(`ls ${GUARD}`)).not.toContain('current');
  });

  it('the rules of iptables and the tables of nft are what they were', async () => {
    await make();
    host.inside(`iptables-nft -A INPUT -i lo -j ACCEPT
      nft 'add table inet own; add chain inet own c { type filter hook input priority 7; }; add rule inet own c accept'`);
    const rules = () => host.inside('iptables-nft-save | grep ^-A; nft list table inet own');
    const before = rules();
    host.arm('a1', TOUCHED);
    host.inside('iptables-nft -I INPUT -p tcp --dport 9 -j DROP; nft delete table inet own');
    expect(host.answer(CANCEL)).not.toMatch(/^(failed|differs) /m);
    expect(rules()).toBe(before);
  });

  it('cancel after a reboot says that there was one', async () => {
    await make();
    change('a1');
    host.killTimer('a1');
    host.host.newBootId();
    expect(host.answer(CANCEL)).toMatch(/^rebooted=yes\nstate=undone\n/);
    expect(content()).toBe('old');
  });

  it('cancel finishes what has ended and still holds the place', async () => {
    await make();
    change('a1');
    host.killTimer('a1');
    host.inside(`mv ${GUARD}/a1/armed ${GUARD}/a1/confirmed`);
    expect(host.answer(STATUS)).toContain('stage=confirmed\n');
    expect(host.answer(CANCEL)).toMatch(/^state=confirmed\n/);
    expect({ content: content(), said: host.answer(STATUS) }).toEqual({
      content: 'new',
      said: 'state=none\nnewest=1\n',
    });
    host.arm('a2', TOUCHED);
    host.killTimer('a2');
    host.inside(`rm -r ${GUARD}/a2`);
    expect(host.answer(STATUS)).toContain('stage=gone\n');
    expect(host.answer(CANCEL)).toBe('state=unknown\n');
    expect(host.answer(STATUS)).toBe('state=none\nnewest=1\n');
  });

  it('remove leaves nothing behind, and nothing is removed while something is pending', async () => {
    await make();
    const before = host.inside('find /etc /var/lib | sort');
    change('a1');
    expect(host.inside('find /etc /var/lib | sort')).not.toBe(before);
    const refused = host.ask(REMOVE);
    expect(refused.status).toBe(76);
    expect(refused.stdout).toMatch(/^state=busy\nid=a1\n/);
    expect(host.answer(STATUS)).toContain('keeper=alive');
    host.answer(CONFIRM);
    expect(host.answer(REMOVE)).toBe('state=removed\n');
    expect(host.inside('find /etc /var/lib | sort')).toBe(before);
  });
});
