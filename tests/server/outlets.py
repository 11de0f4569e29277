"""Hand-written outlets: a chat, a mail server and a system that takes tasks. They break as they are told to."""

from collections import defaultdict

import msgspec

from connectors.contract import Arrival, Missing


class FakeOutlet:
    """What was sent, by key; `trouble` happens to the next calls: `before(error)` or `after(error)` it was done."""

    def __init__(self, arrival=Arrival.UNKNOWN):
        self.known = arrival
        self.got = []
        """(key, bytes) of everything that came in, also a repeat."""
        self.edits = []
        self.trouble = []
        self.tries = 0
        self.gate = None

    async def send(self, request, key):
        self.tries += 1
        if self.gate:
            await self.gate.wait()
        mode, error = self.trouble.pop(0) if self.trouble else ("", None)
        if mode == "before":
            raise error
        self.got.append((key, request))
        if mode == "after":
            raise error
        return f"C1|{len(self.got)}"

    async def arrival(self, request, key, since):
        if self.known is None:
            return Arrival.ARRIVED if any(known == key for known, _ in self.got) else Arrival.REPEATABLE
        return self.known

    def texts(self):
        return [msgspec.json.decode(request) for _, request in self.got]

    async def close(self):
        pass


class FakeChat(FakeOutlet):
    """Implements `Notifier` and `Editable`; it can be looked through."""

    system = "Chat"

    def __init__(self):
        super().__init__(None)

    def reaches(self, address):
        return address.startswith("#")

    def render_notice(self, notice):
        return msgspec.json.encode(notice)

    async def edit(self, receipt, request):
        if not receipt.startswith("C1|"):
            raise Missing(self.system, "message_not_found")
        self.edits.append((receipt, msgspec.json.decode(request)))


class FakeMail(FakeOutlet):
    """Implements `Notifier` and `Mailer`; nobody can tell what became of a mail."""

    system = "Mail"

    def reaches(self, address):
        return "@" in address

    def render_notice(self, notice):
        return msgspec.json.encode(notice)

    def render_letter(self, letter):
        return msgspec.json.encode(letter)


class FakeSink(FakeOutlet):
    """Implements `TaskSink`: a repeat changes nothing."""

    system = "Warehouse"

    def __init__(self):
        super().__init__(Arrival.REPEATABLE)
        self.done = defaultdict(int)

    def render_task(self, task):
        return msgspec.json.encode(task)
