"""The texts of an answer in French, for the customer's administrator."""

from shared.explain.statements import Finding, Verdict
from shared.explain.text_catalogue import TextCatalogue

FRENCH_FOR_CUSTOMER = TextCatalogue(
    answers={
        Verdict.PRESENT: "L’utilisateur est là et actif.",
        Verdict.DISABLED: "L’utilisateur est là et désactivé : active n’est pas vrai.",
        Verdict.CHANGE_REFUSED: "L’utilisateur est là, mais sa dernière modification a été"
        " refusée.",
        Verdict.AMBIGUOUS: "Plusieurs utilisateurs ont cette valeur.",
        Verdict.NAME_TAKEN: "Le fournisseur d’identité a été refusé : un autre utilisateur porte"
        " ce userName.",
        Verdict.REFUSED: "Le fournisseur d’identité a essayé et a été refusé.",
        Verdict.NOT_SERVED: "Le service n’a pas pu traiter la dernière requête sur cet"
        " utilisateur.",
        Verdict.DELETED: "L’utilisateur a été supprimé.",
        Verdict.RENAMED: "L’utilisateur est là sous un autre nom.",
        Verdict.SKIPPED_MEMBER: "Un groupe donne cette valeur comme identifiant d’un membre, et"
        " aucun utilisateur ne l’a.",
        Verdict.NO_TENANT: "Ce locataire n’existe pas.",
        Verdict.TENANT_CLOSED: "Le locataire est fermé : chacune de ses requêtes reçoit 401.",
        Verdict.TOKEN_EXPIRED: "Aucun jeton du locataire n’est valide : chaque requête reçoit 401.",
        Verdict.NEVER_CONTACTED: "Aucune requête du fournisseur d’identité avec un jeton valide"
        " n’a été trouvée.",
        Verdict.WRONG_TOKEN: "Des requêtes arrivent au locataire, et leur jeton est faux.",
        Verdict.SILENT: "Aucune requête du fournisseur d’identité avec un jeton valide n’a été"
        " trouvée depuis un jour.",
        Verdict.OUT_OF_SCOPE: "Le fournisseur d’identité vient, et aucune modification ni requête"
        " refusée qui nomme cet utilisateur n’a été trouvée. Une recherche qui ne trouve personne"
        " et un corps illisible n’y laissent aucun nom.",
    },
    remedies={
        Verdict.PRESENT: "Si le produit ne montre pas l’utilisateur, regardez la copie du produit"
        " lui-même : elle peut être en retard. S’il manque un groupe, vérifiez qu’il a été"
        " approvisionné.",
        Verdict.DISABLED: "Si c’est une erreur, affectez l’utilisateur à l’application chez le"
        " fournisseur d’identité, ou activez-y son compte, puis approvisionnez-le à la demande."
        " Il n’y a rien à faire ici.",
        Verdict.CHANGE_REFUSED: "Corrigez chez le fournisseur d’identité ce que le refus indique,"
        " puis approvisionnez l’utilisateur à la demande.",
        Verdict.AMBIGUOUS: "Posez de nouveau la question avec l’identifiant de l’utilisateur"
        " voulu.",
        Verdict.NAME_TAKEN: "Cherchez à qui est ce nom. Si c’est la même personne, réglez le"
        " fournisseur d’identité pour qu’il rapproche par userName : il reprendra cet utilisateur."
        " Sinon, changez chez lui le userName de l’un des deux.",
        Verdict.REFUSED: "Corrigez chez le fournisseur d’identité ce que le refus indique : la"
        " valeur, ou le mappage qui l’envoie. Puis approvisionnez l’utilisateur à la demande.",
        Verdict.NOT_SERVED: "Approvisionnez l’utilisateur à la demande, ou attendez le prochain"
        " cycle : le fournisseur d’identité renvoie la requête. En cas de nouvel échec, donnez le"
        " bloc ci-dessous à l’éditeur du produit.",
        Verdict.DELETED: "Si c’est une erreur, affectez de nouveau l’utilisateur à l’application"
        " chez le fournisseur d’identité : il le recrée, avec un autre identifiant. Vérifiez"
        " l’étendue et les filtres de l’approvisionnement.",
        Verdict.RENAMED: "Demandez le nouveau nom. Si le changement est une erreur, corrigez-le"
        " chez le fournisseur d’identité.",
        Verdict.SKIPPED_MEMBER: "Faites approvisionner l’utilisateur par le fournisseur"
        " d’identité, puis de nouveau le groupe : redémarrez l’approvisionnement, afin qu’il"
        " oublie l’ancien identifiant. Un membre est nommé par l’identifiant que ce service a"
        " donné à l’utilisateur, et par aucune autre valeur.",
        Verdict.NO_TENANT: "Donnez le bloc ci-dessous à l’éditeur du produit.",
        Verdict.TENANT_CLOSED: "L’éditeur du produit l’a fermé. Demandez-lui de le rouvrir.",
        Verdict.TOKEN_EXPIRED: "Créez un jeton à la page Connecter, ou demandez-en un à l’éditeur"
        " du produit, et saisissez-le chez votre fournisseur d’identité comme jeton secret.",
        Verdict.NEVER_CONTACTED: "Testez la connexion chez votre fournisseur d’identité et"
        " démarrez-y l’approvisionnement. S’il y tourne, il envoie un autre jeton ou à une autre"
        " adresse : comparez les deux avec la page Connecter.",
        Verdict.WRONG_TOKEN: "Saisissez le jeton actuel chez votre fournisseur d’identité comme"
        " jeton secret et testez-y la connexion : un ancien a pu expirer, ou être celui d’une autre"
        " adresse. Ces requêtes peuvent aussi venir d’inconnus.",
        Verdict.SILENT: "Vérifiez chez votre fournisseur d’identité que l’approvisionnement n’est"
        " ni arrêté ni en quarantaine. S’il y tourne, il envoie un autre jeton ou à une autre"
        " adresse : comparez les deux avec la page Connecter.",
        Verdict.OUT_OF_SCOPE: "Vérifiez chez le fournisseur d’identité que l’utilisateur est"
        " affecté à l’application et passe les filtres d’étendue, puis approvisionnez-le à la"
        " demande. S’il laisse l’utilisateur de côté, il en dit là-bas la raison ; s’il l’envoie et"
        " est refusé, revenez ici.",
    },
    findings={
        Finding.FOUND: "L’utilisateur {userName} a l’identifiant {id}[ et l’externalId"
        " {externalId}] ; créé le {created}.",
        Finding.NOT_FOUND: "Aucun utilisateur n’a {asked} comme identifiant, userName, externalId"
        " ou adresse e-mail.",
        Finding.SEVERAL: "Plusieurs utilisateurs ont {asked}, dont {ids}.",
        Finding.ACTIVE: "L’utilisateur est actif.",
        Finding.INACTIVE: "L’utilisateur n’est pas actif.",
        Finding.DISABLED_BY: "Il a été désactivé le {time}[ par {method}] avec {token}, requête"
        " {request}.",
        Finding.REFUSAL: "Le {time}, {method} a reçu {status}[ {scimType}][ en {path}] :"
        " {detail}[ La requête portait le userName {userName} et l’externalId {externalId}.| La"
        " requête portait le userName {userName}.| La requête portait l’externalId {externalId}.]"
        " Requête {request}[, chez le client {clientRequest}].",
        Finding.OWNER: "Ce userName est celui de l’utilisateur {id}[, d’externalId {externalId}],"
        " créé le {created}.",
        Finding.DELETION: "L’utilisateur {id} a été supprimé le {time}[ par {method}] avec {token},"
        " requête {request}.",
        Finding.RENAMING: "L’utilisateur {id} a quitté ce nom le {time}[ par {method}] avec"
        " {token}, requête {request}, et s’appelle maintenant {userName}.",
        Finding.RENAMING_OF_GONE: "L’utilisateur {id} a quitté ce nom le {time}[ par {method}] avec"
        " {token}, requête {request}, et n’est plus là.",
        Finding.PASSED_OVER: "Le {time}, le groupe {group} l’a donné comme identifiant d’un"
        " membre, qui a été ignoré, requête {request}.",
        Finding.LAST_CHANGE: "L’utilisateur a été modifié pour la dernière fois le {time}"
        "[ par {method}] avec {token}, requête {request}.",
        Finding.CONTACT: "Le fournisseur d’identité est venu pour la dernière fois le {time}, ou"
        " jusqu’à une heure plus tard.",
        Finding.NO_CONTACT: "Le fournisseur d’identité n’est pas venu, autant qu’il est conservé.",
        Finding.WRONG_TOKENS: "Requêtes qu’une instance a refusées au locataire pour un jeton faux"
        " depuis son démarrage : {number}, la dernière le {time}.",
        Finding.TOKEN_VALID: "Un jeton du locataire est valide ; le plus récent n’expire pas.",
        Finding.TOKEN_VALID_UNTIL: "Un jeton du locataire est valide ; le plus récent expire le"
        " {time}.",
        Finding.TOKEN_NOT_VALID: "Aucun jeton du locataire n’est valide pour l’instant.",
        Finding.CLOSED: "Le jeton le plus récent du locataire est désactivé, ce qui ferme le"
        " locataire.",
        Finding.ABSENT: "Le coffre n’a aucun jeton du locataire.",
        Finding.TOKEN_UNKNOWN: "Il n’a pas été vérifié qu’un jeton est valide.",
        Finding.LEFT_OUT: "Requêtes qui manquent au journal d’approvisionnement, car il y en avait"
        " trop en une minute : {number}. L’utilisateur a pu en être.",
        Finding.LOG_EMPTY: "Le journal d’approvisionnement est vide.",
        Finding.LOG_BOUND: "Tout le journal d’approvisionnement depuis le {time} a été examiné.",
        Finding.HISTORY_BOUND: "Toutes les modifications conservées depuis le {time} ont été"
        " examinées.",
    },
    headings={
        "question": "Pourquoi {asked} n’est-il pas là (locataire {tenant}, demandé le {time}) ?",
        "found": "Ce qui a été trouvé :",
        "remedy": "Que faire :",
        "requests": "Requêtes : {requests}",
    },
)
