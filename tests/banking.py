"""Articles of a bank for twenty intents of clinc150, and that set as the queue of its support."""

# ruff: noqa: E501 - articles are easier to read when not wrapped

import csv
from pathlib import Path

ARTICLES = {
    "account_blocked": ("Why your account is blocked", """
We block an account after three wrong passwords, after a payment that looks strange to us, or when your documents have expired.

## Unblock it

Call us or open the app, choose “My account is blocked” and confirm who you are. A hold is taken off within an hour.
"""),
    "card_declined": ("Your card was declined", """
A card is declined when there is not enough money, when the limit of the day is reached, or when the chip cannot be read by the terminal of a shop.

## What to do

See the reason in the app under Declined payments. Then try the payment again or use another card.
"""),
    "credit_limit_change": ("Raise or lower your credit limit", """
Ask for a higher credit limit in the app: Cards, Limit, Increase. We look at your income and answer within a day.

A lower limit is set at once.
"""),
    "credit_score": ("See your credit score", """
Your credit score is shown in the app under Credit. It is a number between 300 and 850, and it is brought up to date every month. Checking your rating costs nothing.
"""),
    "damaged_card": ("My card is damaged", """
If your card is bent, cracked, broken or the magnetic stripe no longer works, order a new one: Cards, Replace, Damaged. The old card works until the new one comes.
"""),
    "direct_deposit": ("Set up direct deposit of your paycheck", """
Give your employer the routing and account number of your checking account, or print the form from the app under Direct deposit. Your paycheck then comes to your bank account by itself.
"""),
    "freeze_account": ("Freeze your account or put a stop on it", """
Open Accounts, choose the account and press Freeze. Nobody can take money from a frozen account, and you can lift the block at any time.
"""),
    "improve_credit_score": ("How to improve your credit score", """
Pay every bill in time, use less than a third of your limits and do not open many cards at once. Most people raise their score by 50 points in half a year. Building good credit takes time.
"""),
    "international_fees": ("Fees for using your card abroad", """
For payments in another country we charge a foreign transaction fee of two per cent. Withdrawals from a machine abroad cost three dollars more.
"""),
    "min_payment": ("What is the minimum payment", """
The minimum payment on a credit card bill is two per cent of what you owe, and 25 dollars at least. It stands on the first page of your statement, with the date it is due.
"""),
    "new_card": ("Apply for a new credit card", """
Choose a card on our site, press Apply and fill in your income and address. We tell you at once whether you are approved, and the card comes by mail.
"""),
    "order_checks": ("Order checks", """
Order a new checkbook in the app: Accounts, Checks, Order. Twenty-five checks are free, and they come in a week. Order more checks before you run out of them.
"""),
    "pay_bill": ("Pay a bill", """
Open Payments, choose the company and the bill, such as electric, water, cable or phone, and press Pay. You may pay it from your checking or your savings account.
"""),
    "pin_change": ("Change your PIN, or set a new one if you forgot it", """
Choose Cards, PIN, Change in the app, or go to one of our machines. The new PIN number works at once. Nobody here will ever ask for it.
"""),
    "replacement_card_duration": ("How long a replacement card takes", """
A new card to replace a lost or damaged one arrives in the mail within five working days. For twenty dollars we send it by express, and it is there in two days.
"""),
    "report_fraud": ("Report a fraudulent transaction", """
If there is a charge or purchase on your card that you did not make, open the transaction and press Report fraud. We block the card and give back the money of suspicious activity.
"""),
    "report_lost_card": ("My card was lost or stolen", """
Tell us at once: in the app under Cards, Lost or stolen, or by phone at any hour. We cancel the card, and a new one is sent to your address.
"""),
    "redeem_rewards": ("Redeem your reward points", """
Points of your credit card are redeemed under Rewards: for cash back, for flights or for gift cards. Five thousand points are worth fifty dollars.
"""),
    "routing": ("Find your routing number", """
The routing number of our bank is printed at the lower left of your checks and shown in the app under Account details.
"""),
    "transfer": ("Transfer money between accounts", """
Choose Transfer, the account from which and the one to which money is to go, such as from checking to savings, and the amount. Between accounts of ours it is there at once.
"""),
}  # fmt: skip


def write_articles(folder: Path) -> None:
    """Writes the articles, each under the name of its intent."""
    for intent, (title, body) in ARTICLES.items():
        path = folder / "en" / f"{intent}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"---\ntitle: {title}\ncategory: Bank\n---\n{body}", "utf-8")


def queue(path: Path) -> list[dict[str, str]]:
    """The rows of clinc150, without what no intent was given to."""
    with path.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["label"] != "oos"]


def resampled(answers, truth, seeds, labels=200):
    """For each seed, the interval of the share that `truth` says of rows, from so many labels."""
    from kb.tickets import estimate
    from kb.tickets.estimate import Row

    rows = [Row(f"{at} {answer.question}", answer.margin) for at, answer in enumerate(answers)]
    for seed in seeds:
        parts, known = estimate.parts(rows, seed), {}
        for _ in range(labels):
            at = estimate.next_row(parts, known.get, "y")
            known[at] = "y" if truth[at] else "n"
        yield estimate.share(parts, known.get, ["y"])
