// The words of the page in each language.

const WORDS = {
  en: {
    skip: "Skip to the contents", overview: "Overview", clients: "Clients", topics: "Topics",
    publish: "Publish", log: "Log", language: "Language", login: "Log in", logout: "Log out",
    username: "User name", password: "Password", search: "Search", sort: "Sort by",
    clientId: "Client ID", queued: "Queued", inFlight: "In flight",
    subscriptions: "Subscriptions", lastActivity: "Last activity", since: "Connected since",
    address: "Address", actions: "Actions", earlier: "Previous page", later: "Next page",
    filter: "Topic filter", live: "show messages as they arrive", topic: "Topic",
    payload: "Payload", retain: "retain", whoGets: "Who gets messages on a topic?", ask: "Ask",
    follow: "follow", received: "Messages per second, received and sent",
    refusals: "Refused connections",
    refusalsHint: "The last connections that were refused, and the reason.",
    kick: "Disconnect", remove: "Delete session", clear: "Delete",
    away: "away", wrongLogin: "The name or the password is not right.",
    connected: "Connected to the broker", lost: "The broker does not answer. Trying again …",
    sent: "Published.", nobody: "No subscription matches this topic.",
    count: (n) => n === 1 ? "1 client" : `${n} clients`,
    retained: (n) => n === 1 ? "1 retained message" : `${n} retained messages`,
    sureKick: (id) => `Disconnect the client '${id}'?`,
    sureRemove: (id) => `Delete the session of '${id}' with its subscriptions and queued messages?`,
    sureClear: (topic) => `Delete the retained message on '${topic}'?`,
    binary: (size) => `(binary, ${size} bytes)`,
    none: "None.", up: "Uptime", connectedClients: "Clients connected", awayClients: "Clients away",
    retainedMessages: "Retained messages", storedMessages: "Messages held",
    droppedMessages: "Messages dropped", memory: "Memory", store: "Store",
    storeFine: "fine", storeFailed: "refuses commits", storeOff: "off",
  },
  fr: {
    skip: "Aller au contenu", overview: "Vue d’ensemble", clients: "Clients", topics: "Topics",
    publish: "Publier", log: "Journal", language: "Langue", login: "Se connecter",
    logout: "Se déconnecter", username: "Nom d’utilisateur", password: "Mot de passe",
    search: "Chercher", sort: "Trier par", clientId: "Identifiant", queued: "En attente",
    inFlight: "En vol", subscriptions: "Abonnements", lastActivity: "Dernière activité",
    since: "Connecté depuis", address: "Adresse", actions: "Actions",
    earlier: "Page précédente", later: "Page suivante", filter: "Filtre de topic",
    live: "montrer les messages à leur arrivée", topic: "Topic", payload: "Contenu",
    retain: "conserver (retain)", whoGets: "Qui reçoit les messages d’un topic\u00a0?",
    ask: "Demander", follow: "suivre", received: "Messages par seconde, reçus et envoyés",
    refusals: "Connexions refusées",
    refusalsHint: "Les dernières connexions refusées, et la raison.",
    kick: "Déconnecter", remove: "Supprimer la session", clear: "Supprimer", away: "absent",
    wrongLogin: "Le nom ou le mot de passe est faux.", connected: "Connecté au broker",
    lost: "Le broker ne répond pas. Nouvel essai…", sent: "Publié.",
    nobody: "Aucun abonnement ne correspond à ce topic.",
    count: (n) => n < 2 ? `${n} client` : `${n} clients`,
    retained: (n) => n < 2 ? `${n} message conservé` : `${n} messages conservés`,
    sureKick: (id) => `Déconnecter le client «\u00a0${id}\u00a0»\u00a0?`,
    sureRemove: (id) => `Supprimer la session de «\u00a0${id}\u00a0», ses abonnements et ses messages en attente\u00a0?`,
    sureClear: (topic) => `Supprimer le message conservé sur «\u00a0${topic}\u00a0»\u00a0?`,
    binary: (size) => `(binaire, ${size} octets)`,
    none: "Aucune.", up: "En marche depuis", connectedClients: "Clients connectés",
    awayClients: "Clients absents", retainedMessages: "Messages conservés",
    storedMessages: "Messages gardés", droppedMessages: "Messages perdus", memory: "Mémoire",
    store: "Stockage", storeFine: "en ordre", storeFailed: "refuse d’écrire", storeOff: "désactivé",
  },
};

let language = "en";

/** Returns the word in the chosen language; a word with a number or a name takes that. */
export function word(name, value) {
  const found = WORDS[language][name];
  return typeof found === "function" ? found(value) : found;
}

/** Chooses the language and puts its words into the page. */
export function speak(chosen) {
  language = chosen in WORDS ? chosen : "en";
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-word]")) {
    element.textContent = word(element.dataset.word);
  }
  return language;
}
